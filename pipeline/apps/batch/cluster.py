"""The Ray engine: the same shards, placed on a cluster by Ray."""

import logging
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.apps.batch.job import GPU_PROCESSES, Counts, Job
from pipeline.apps.batch.run_folder import libraries, other_version
from pipeline.apps.batch.shard import open_classifier, run_shard
from pipeline.apps.batch.shards import Shard
from pipeline.classifier.predict import Classifier
from pipeline.errors import InputError

# Shards that wait at Ray for each of its processors: it never runs dry, and the driver stays small.
_AHEAD = 3
# How often a shard is tried again when its process or node is lost.
_RETRIES = 3


def run_ray(shards: list[Shard], job: Job, report: Callable[[Counts], None]) -> None:
    """Run all ``shards`` on the cluster that ``RAY_ADDRESS`` names, or else on this machine.

    A shard is a task of one processor, and of a share of a GPU where the job asks for one. The process that runs it keeps the model
    for the next one. Ray gives the shards of lost processes and nodes to others, and tasks to nodes that join.

    Raises:
        InputError: Ray is missing or cannot be reached, or a worker raised it.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError("--engine ray needs Ray; install it with: pip install 'netral[cluster]'") from None
    started = not ray.is_initialized()
    if started:
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            raise InputError(f"Ray cannot be reached: {error}; see RAY_ADDRESS") from None
    try:
        content = {file.name: file.read_bytes() for file in Path(job.checkpoint).iterdir() if file.is_file()}
        # In a list, so that Ray does not hand it over with every task.
        checkpoint = [ray.put((content, libraries(job.device)))]
        gpus = 0 if job.device == "cpu" else 1 / GPU_PROCESSES
        # By itself, Ray would end a process with each of its tasks on a GPU.
        place = ray.remote(num_cpus=1, num_gpus=gpus, max_calls=0, max_retries=_RETRIES)(_run)
        waiting = iter(shards)
        running: set[Any] = set()
        while True:
            # Asked every time: nodes come and go.
            cpus = max(int(ray.cluster_resources().get("CPU", 1)), 1)  # type: ignore[no-untyped-call]
            room = max(_AHEAD * cpus - len(running), 0)
            running |= {place.remote(shard, job, checkpoint, Path.cwd()) for shard in islice(waiting, room)}
            if not running:
                break
            (done,), _ = ray.wait(list(running), num_returns=1)
            running.discard(done)
            report(_answer(done))
    finally:
        if started:
            ray.shutdown()


def _answer(done: Any) -> Counts:
    import ray

    try:
        counts: Counts = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, InputError | OSError) else error from None
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"Ray has lost a shard {_RETRIES + 1} times: {reason}; the same command goes on") from None
    return counts


def _run(shard: Shard, job: Job, checkpoint: list[Any], folder: Path) -> Counts:
    """Run one shard in a process of Ray's, in the folder that relative paths start from.

    Raises:
        InputError: this node would write other bytes.
    """
    with suppress(FileNotFoundError):  # everything may be URLs
        os.chdir(folder)
    return run_shard(shard, job, _classifier(job, checkpoint[0]))


# The last one that this process had use for: its next shard most likely needs it again.
_kept: dict[Any, Classifier] = {}


def _classifier(job: Job, checkpoint: Any) -> Classifier:
    import ray

    if (checkpoint, job.precision) not in _kept:
        files, wanted = ray.get(checkpoint)
        if other := other_version(libraries(job.device), wanted):
            raise InputError(f"node {socket.gethostname()}: has {other}; install the same versions on every node")
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                Path(folder, name).write_bytes(content)
            classifier = open_classifier(replace(job, checkpoint=folder))
        _kept.clear()
        _kept[checkpoint, job.precision] = classifier
    return _kept[checkpoint, job.precision]
