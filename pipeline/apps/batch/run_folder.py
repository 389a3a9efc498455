"""The folder of a run: its plan and manifest, which shards of it are done, and whether this is the run that goes on there."""

import errno
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from pipeline.apps.batch import storage
from pipeline.apps.batch.job import FORMATS, Counts, Job
from pipeline.apps.batch.shards import InputFile, Shard, difference, encode_plan
from pipeline.classifier.checkpoint import Device
from pipeline.corpus.input_files import is_url
from pipeline.errors import InputError

MANIFEST = "manifest.json"
PLAN = "plan.jsonl"
# What a file system that has no locks says.
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
_TABLES = ("sentences", "articles", "texts", "rejects")

# Packages whose version may change what a run writes.
_LIBRARIES = (
    *("netral", "onnxruntime", "tokenizers", "numpy", "pydantic", "orjson", "pyarrow", "FastWARC", "trafilatura"),
    *("htmldate", "courlan", "jusText", "lxml", "charset-normalizer", "dateparser"),
)
_GPU_LIBRARIES = ("torch", "transformers")


def fingerprint(job: Job, shard_bytes: int, plan: bytes) -> dict[str, Any]:
    """Return everything that decides the bytes of a run's output.

    The engine, the processes and the machine are not among it: they must not matter. (Runtimes compute in other orders on
    other kinds of processors, which can change the last decimal of a score.)
    """
    return {
        "checkpoint": job.version,
        "precision": job.precision if job.device == "cpu" else "bf16",
        "unit": job.unit,
        "format": job.form,
        "shard_bytes": shard_bytes,
        "plan": hashlib.sha256(plan).hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "libraries": libraries(job.device),
    }


def libraries(device: Device) -> dict[str, str]:
    """Return the versions, here, of the packages that may change what a run on ``device`` writes."""
    import importlib.metadata  # slow, and not needed to print an article

    names = _LIBRARIES if device == "cpu" else (*_LIBRARIES, *_GPU_LIBRARIES)
    return {name: importlib.metadata.version(name) for name in names}


def other_version(before: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    """Return in a few words the first difference between the versions of libraries, or ``None``."""
    name = next((name for name in after if before.get(name) != after[name]), None)
    return name and f"{name} {before.get(name)}, not {after[name]}"


def begin(
    job: Job, files: list[InputFile], shards: list[Shard], shard_bytes: int, overwrite: bool
) -> tuple[Job, list[Shard], Counts]:
    """Write plan and manifest, or find those of an earlier start of the same run.

    Returns:
        The job, of the day when the run began; the shards that are not done yet; and the counts of those that are.

    Raises:
        InputError: the folder holds another run, or something else.
    """
    plan = encode_plan(files, shards)
    mark = fingerprint(job, shard_bytes, plan)
    present = storage.sizes(job.out)
    foreign = next((name for name in sorted(present) if not _is_output(name)), None)
    if foreign:
        raise InputError(f"{job.out}: holds '{foreign}', which 'netral classify' has not written; choose another --out")
    written = storage.read_bytes(storage.join(job.out, MANIFEST))
    if written is not None:
        manifest = _manifest(written)
        if {**manifest, "until": None} == {**mark, "until": None}:
            if not is_url(job.out):
                storage.remove(job.out, ())
            return replace(job, until=date.fromisoformat(manifest["until"])), *left_of(job, shards, present)
        if not overwrite:
            raise InputError(f"{job.out}: {_how_it_differs(manifest, mark, job.out, plan)}")
    elif present and not overwrite and set(present) != {PLAN}:
        raise InputError(
            f"{job.out}: holds output, but no {MANIFEST}; choose another --out, or replace it with --overwrite"
        )
    # The manifest goes first and comes last: without it nothing of what lies there counts.
    storage.remove(job.out, sorted(present, key=lambda name: name != MANIFEST))
    storage.write_bytes(job.out, PLAN, plan)
    storage.write_bytes(job.out, MANIFEST, orjson.dumps({**mark, "until": job.until}, option=orjson.OPT_INDENT_2))
    return job, shards, Counts()


def _is_output(name: str) -> bool:
    folder, _, file = name.partition("/")
    if not file:
        return name in {MANIFEST, PLAN}
    return folder == "done" or (
        folder in _TABLES and file.startswith("part-") and file.rpartition(".")[2] in FORMATS and "/" not in file
    )


def _manifest(content: bytes) -> dict[str, Any]:
    with suppress(orjson.JSONDecodeError):
        manifest = orjson.loads(content)
        if isinstance(manifest, dict) and isinstance(manifest.get("until"), str):
            return manifest
    return {"until": "1970-01-01"}


def _how_it_differs(manifest: dict[str, Any], mark: dict[str, Any], out: str, plan: bytes) -> str:
    changed = next(name for name in [*mark, *manifest] if manifest.get(name) != mark.get(name) and name != "until")
    found = f"{changed} {manifest.get(changed)!r}, not {mark[changed]!r}"
    if changed == "plan":
        found = f"other input: {difference(storage.read_bytes(storage.join(out, PLAN)) or b'', plan)}"
    elif changed == "libraries":
        found = other_version(manifest.get("libraries") or {}, mark["libraries"]) or found
    return f"holds the output of another run ({found}); choose another --out, or replace it with --overwrite"


def left_of(job: Job, shards: list[Shard], present: dict[str, int]) -> tuple[list[Shard], Counts]:
    """Return the shards that are not done, and the counts of those that are: their mark is there, and every file that it names.

    Args:
        present: the files of the run, by :func:`pipeline.apps.batch.storage.sizes`.
    """
    marked = [shard for shard in shards if shard.done_mark in present]
    with ThreadPoolExecutor(16) as pool:
        marks = list(pool.map(lambda shard: storage.read_bytes(storage.join(job.out, shard.done_mark)), marked))
    counts, done = Counts(), set()
    for shard, content in zip(marked, marks, strict=True):
        mark = json.loads(content or b"{}")
        if mark and all(present.get(name) == size for name, size in mark["files"].items()):
            done.add(shard.number)
            counts += Counts(**mark["counts"] | {"labels": Counter(mark["counts"]["labels"])})
    return [shard for shard in shards if shard.number not in done], counts


@contextmanager
def only_one(out: str) -> Iterator[None]:
    """Make sure that no other process writes to ``out`` on disk; the lock goes with the process.

    A folder is locked by a file within it; what ends in ``.work``, and is removed in the end, by one beside it. URLs and
    file systems that have no locks are not locked.

    Raises:
        InputError: another one does.
    """
    try:
        import fcntl
    except ImportError:  # not POSIX
        yield
        return
    if is_url(out):
        yield
        return
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder.with_suffix(storage.LOCK) if folder.suffix == ".work" else folder / storage.LOCK
    while True:
        # Open for writing, without which NFS gives no lock that excludes others.
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{out}: another 'netral classify' is writing there; wait for it, or choose another --out"
                ) from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
            # The one before us may have removed the file that was opened.
            if not lock.exists() or not os.path.samestat(os.fstat(descriptor), lock.stat()):
                continue
            try:
                folder.mkdir(exist_ok=True)
                yield
            finally:
                lock.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)
