"""``netral classify``: label new articles with an exported checkpoint."""

import math
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from pipeline.apps.batch import storage
from pipeline.apps.batch.job import GPU_PROCESSES, Counts, Format, Job, Unit
from pipeline.apps.batch.local import local_workers, run_local
from pipeline.apps.batch.output import (
    check_output,
    is_worth_keeping,
    merge,
    rejects_path,
    single_file_format,
    work_folder,
)
from pipeline.apps.batch.progress import progress
from pipeline.apps.batch.run_folder import begin, left_of, only_one
from pipeline.apps.batch.shards import Shard, plan, shard_size, survey, text_bytes
from pipeline.classifier.checkpoint import Device, Manifest, Precision, open_checkpoint
from pipeline.classifier.cpus import usable_cpus
from pipeline.corpus.input_files import Part, find_files, open_raw, stamp
from pipeline.corpus.readers import Reject
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.apps.batch.predictions import Window

Engine = Literal["local", "ray"]


def classify(
    inputs: list[str],
    checkpoint: Path,
    out: str | Path | None = None,
    unit: Unit = "article",
    form: Format = "parquet",
    overwrite: bool = False,
    precision: Precision | None = None,
    engine: Engine = "local",
    processes: int | None = None,
    shard_bytes: int | None = None,
    device: Device = "cpu",
) -> Counts:
    """Label every record of ``inputs`` and write to ``out``, or print, and return what was counted.

    A run that was killed goes on where it was when it is started again, and ends with the bytes of one that never was.

    Args:
        inputs: files, folders, globs and URLs.
        out: a file with the suffix of a format, or a folder, or the URL of one.
        form: of the tables in a folder.
        processes: of the local engine; one for each processor that may be used, eight at most for a GPU, unless told.
        shard_bytes: of input that a process takes at a time; chosen by the size of the input unless told.

    Raises:
        InputError: an input is missing, options do not go together, the output may not be written, the checkpoint is
            unusable, or nothing could be read.
    """
    out = None if out is None else str(out)
    files = find_files(inputs)
    if out is not None:
        files = check_output(out, inputs, files, overwrite)
    if device == "cuda" and precision:
        raise InputError("--precision is for a CPU; a GPU computes in bf16")
    manifest = open_checkpoint(checkpoint)
    day = date.today()
    job = Job(str(checkpoint), manifest.version, device, precision or manifest.precision, unit, form, day, out or "")
    if out is None:
        counts = _print(files, job, manifest)
        print(_summary(counts, unit, manifest.names), file=sys.stderr)
        return counts
    single = single_file_format(out)
    if single:
        if engine == "ray":
            raise InputError(f"{out}: with --engine ray, --out names a folder that all nodes see, or a URL")
        job = replace(job, out=str(work_folder(out)), form=single)
    started = False
    # What lies there is removed only by the one that holds it.
    with only_one(job.out):
        try:
            counts = _run(files, job, engine, processes, shard_bytes, overwrite)
            if counts.records == 0:
                raise InputError(_nothing_read(job.out, counts, kept=single is None))
            started = True
            if single:
                merge(Path(job.out), Path(out), single, overwrite)
        except (InputError, OSError):
            if single and not started and not is_worth_keeping(Path(job.out)):
                shutil.rmtree(job.out, ignore_errors=True)
            raise
        if single:
            shutil.rmtree(job.out)
    rejects = str(rejects_path(out)) if single else storage.join(out, "rejects")
    see = f", see {rejects}" if counts.rejects else ""
    print(f"{_summary(counts, unit, manifest.names)}{see}; written to {out}", file=sys.stderr)
    return counts


def _print(files: list[str], job: Job, manifest: Manifest) -> Counts:
    """Print the articles of ``files``, a window at a time."""
    from rich.console import Console

    from pipeline.apps.batch.predictions import predict
    from pipeline.apps.batch.shard import open_classifier, read_shard
    from pipeline.apps.show import show

    class Pipe(Console):
        """Standard output, which may be closed by a reader that has seen enough, ``head`` for one."""

        def on_broken_pipe(self) -> None:
            # Python flushes it once more as it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(128 + signal.SIGPIPE)

    counts = Counts()
    everything = Shard(0, tuple(Part(file) for file in files))

    def counted(items: "Iterable[Window | Reject]") -> "Iterator[Window | Reject]":
        first: Reject | None = None
        for item in items:
            counts.add(item)
            first = first or (item if isinstance(item, Reject) else None)
            yield item
        if counts.records == 0 and first:
            raise InputError(_nothing(first.printable(), counts.rejects))

    found = read_shard(everything, job.unit, job.until)
    show(counted(predict(found, open_classifier(job, manifest))), manifest, Pipe())
    return counts


def _run(
    files: list[str],
    job: Job,
    engine: Engine,
    processes: int | None,
    shard_bytes: int | None,
    overwrite: bool,
) -> Counts:
    """Plan a run, or find the plan of one that was killed, do what is left of it, and return the counts of all of it."""
    stamps = _stamps(files)
    cpus = usable_cpus()
    text = text_bytes(files, cpus)
    shard_bytes = shard_bytes or shard_size(text)
    processes = processes or (cpus if job.device == "cpu" else min(cpus, GPU_PROCESSES))
    # Nearly as many as shards; a single one is done in this process.
    early = min(processes, math.ceil(text / shard_bytes)) if engine == "local" else 0
    with local_workers(job, early if early > 1 else 0) as workers:
        surveyed = survey(files, shard_bytes, cpus)
        shards = plan(surveyed, shard_bytes)
        job, left, counts = begin(job, surveyed, shards, shard_bytes, overwrite)
        with progress(len(shards), len(shards) - len(left), counts) as report:
            if engine == "ray":
                from pipeline.apps.batch.cluster import run_ray

                run_ray(left, job, report)
                if missing := left_of(job, shards, storage.sizes(job.out))[0]:
                    raise InputError(
                        f"{job.out}: {len(missing)} of {len(shards)} shards were done where this machine does not see them; "
                        "with --engine ray, name a folder that all nodes share, or a URL"
                    )
            elif workers or min(processes, len(left)) > 1:
                run_local(left, job, workers, processes, report)
            elif left:
                from pipeline.apps.batch.shard import open_classifier, run_shard

                classifier = open_classifier(job)
                for shard in left:
                    report(run_shard(shard, job, classifier))
    storage.remove(job.out, ())
    now = _stamps(files, fresh=True)
    changed = next((file for file in files if now[file] != stamps[file]), None)
    if changed:
        raise InputError(
            f"{changed}: was written to while it was read; start again, with --overwrite if it has changed"
        )
    return counts


def _stamps(files: list[str], fresh: bool = False) -> dict[str, tuple[Any, ...] | None]:
    with ThreadPoolExecutor(16) as pool:  # a store takes its time
        return dict(zip(files, pool.map(lambda file: stamp(file, fresh), files), strict=True))


def _nothing_read(folder: str, counts: Counts, kept: bool) -> str:
    """Say what was wrong with the first record, since all of them were rejected."""
    if not counts.rejects:
        return "nothing could be read: the input holds no article"
    first = min(name for name in storage.sizes(folder) if name.startswith("rejects/"))
    with open_raw(storage.join(folder, first)) as file:
        reject = orjson.loads(file.readline())
    return _nothing(reject, counts.rejects) + (f"; see {storage.join(folder, 'rejects')}" if kept else "")


def _nothing(reject: dict[str, str], rejects: int) -> str:
    more = f" (and {rejects - 1} more)" if rejects > 1 else ""
    return f"nothing could be read: {reject['place']}: {reject['reason']}; expected {reject['expected']}{more}"


def _summary(counts: Counts, unit: Unit, labels: list[str]) -> str:
    what = (
        f"{counts.records} articles, {counts.sentences} sentences"
        if unit == "article"
        else f"{counts.sentences} sentences"
    )
    carried = ", ".join(f"{counts.labels[label]} {label}" for label in labels)
    truncated = f"; {counts.truncated} truncated" if counts.truncated else ""
    rejected = f"; {counts.rejects} rejected" if counts.rejects else ""
    return f"{what}: {carried}{truncated}{rejected}"


@contextmanager
def stoppable() -> Iterator[None]:
    """End at SIGTERM and Ctrl-C with one line and their usual status."""

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        print("netral: stopped; the same command goes on where it was", file=sys.stderr)
        raise SystemExit(128 + (error.args[0] if error.args else signal.SIGINT)) from None
    finally:
        signal.signal(signal.SIGTERM, before)
