"""``netral classify``: label new articles with an exported checkpoint."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import orjson
from rich.console import Console

from pipeline.apps.batch import storage
from pipeline.apps.batch.output import (
    check_output,
    is_worth_keeping,
    merge,
    rejects_path,
    single_file_format,
    work_folder,
)
from pipeline.apps.batch.predictions import Unit, Window, predict
from pipeline.apps.batch.run_folder import begin, only_one
from pipeline.apps.batch.shard import Counts, Job, open_classifier, read_shard
from pipeline.apps.batch.shards import Shard, plan, survey
from pipeline.apps.batch.tables import Format
from pipeline.classifier.checkpoint import Precision, open_checkpoint
from pipeline.classifier.cpus import usable_cpus
from pipeline.classifier.predict import Device
from pipeline.corpus.input_files import Part, find_files, open_raw, stamp
from pipeline.corpus.readers import Reject
from pipeline.errors import InputError

Engine = Literal["local", "ray"]
# Seconds between the lines of a log.
_LOG_EVERY = 30.0


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
        processes: of the local engine; one for each processor that may be used, or one for a GPU, unless told.
        shard_bytes: of input that a process takes at a time; chosen by the size of the input unless told.

    Raises:
        InputError: an input is missing, the output may not be written, the checkpoint is unusable, or nothing could be read.
    """
    out = None if out is None else str(out)
    files = find_files(inputs)
    if out is not None:
        files = check_output(out, inputs, files, overwrite)
    manifest = open_checkpoint(checkpoint)
    day = date.today()
    job = Job(str(checkpoint), device, precision or manifest.precision, unit, form, day, out or "")
    log = Console(stderr=True)

    def say(counts: Counts, where: str) -> None:
        text = _summary(counts, unit, manifest.names) + where
        log.print(text, highlight=False, markup=False, soft_wrap=True)

    if out is None:
        counts = _print(files, job)
        say(counts, "")
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
            counts = _run(files, job, manifest.version, engine, processes, shard_bytes, overwrite or bool(single), log)
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
    say(counts, (f", see {rejects}" if counts.rejects else "") + f"; written to {out}")
    return counts


def _print(files: list[str], job: Job) -> Counts:
    """Print the articles of ``files``, a window at a time."""
    from pipeline.apps.show import show

    classifier = open_classifier(job)
    counts = Counts()
    everything = Shard(0, tuple(Part(file) for file in files))

    def counted(items: Iterable[Window | Reject]) -> Iterator[Window | Reject]:
        first: Reject | None = None
        for item in items:
            counts.add(item)
            first = first or (item if isinstance(item, Reject) else None)
            yield item
        if counts.records == 0 and first:
            raise InputError(_nothing(first.printable(), counts.rejects))

    show(counted(predict(read_shard(everything, job.unit, job.until), classifier)), classifier.manifest, _Pipe())
    return counts


class _Pipe(Console):
    """Standard output, which may be closed by a reader that has seen enough, ``head`` for one."""

    def on_broken_pipe(self) -> None:
        # Python flushes it once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE)


def _run(
    files: list[str],
    job: Job,
    version: str,
    engine: Engine,
    processes: int | None,
    shard_bytes: int | None,
    overwrite: bool,
    log: Console,
) -> Counts:
    """Plan a run, or find the plan of one that was killed, do what is left of it, and return the counts of all of it."""
    stamps = {file: stamp(file) for file in files}
    surveyed, shard_bytes = survey(files, shard_bytes, usable_cpus())
    shards = plan(surveyed, shard_bytes)
    job, left, counts = begin(job, version, surveyed, shards, shard_bytes, overwrite)
    with _progress(log, len(shards), len(shards) - len(left), counts) as report:
        if engine == "ray":
            from pipeline.apps.batch.cluster import run_ray

            run_ray(left, job, report)
        else:
            from pipeline.apps.batch.local import run_local

            run_local(left, job, processes or (usable_cpus() if job.device == "cpu" else 1), report)
    storage.remove(job.out, ())
    changed = next((file for file in files if stamp(file) != stamps[file]), None)
    if changed:
        raise InputError(
            f"{changed}: was written to while it was read; start again, with --overwrite if it has changed"
        )
    return counts


@contextmanager
def _progress(log: Console, total: int, done: int, counts: Counts) -> Iterator[Callable[[Counts], None]]:
    """Yield a function that adds the counts of a shard to ``counts``, and shows how far the run is."""
    begun = shown = time.monotonic()
    before = counts.sentences
    if done:
        log.print(f"{done} of {total} shards are done already", highlight=False)
    if not log.is_terminal:

        def report(shard: Counts) -> None:
            nonlocal done, shown, counts
            counts += shard
            done += 1
            if time.monotonic() - shown >= _LOG_EVERY:
                shown = time.monotonic()
                rate = (counts.sentences - before) / (shown - begun)
                log.print(
                    f"{done} of {total} shards, {counts.sentences} sentences, {rate:.0f} a second",
                    highlight=False,
                    soft_wrap=True,
                )

        yield report
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("shards"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=log) as progress:
        task = progress.add_task("", total=total, completed=done)

        def advance(shard: Counts) -> None:
            nonlocal counts
            counts += shard
            rate = (counts.sentences - before) / (time.monotonic() - begun)
            progress.update(task, advance=1, description=f"{rate:.0f} sentences/s")

        yield advance


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
