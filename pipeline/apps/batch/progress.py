"""How far a run is: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.apps.batch.job import Counts

# Seconds between the lines of a log.
_LOG_EVERY = 30.0


@contextmanager
def progress(total: int, done: int, counts: Counts) -> Iterator[Callable[[Counts], None]]:
    """Yield a function that adds the counts of a shard to ``counts``, and shows on standard error how far the run is."""
    before = counts.sentences
    begun = time.monotonic()

    def rate() -> float:
        return (counts.sentences - before) / (time.monotonic() - begun)

    if done:
        print(f"{done} of {total} shards are done already", file=sys.stderr)
    if sys.stderr.isatty():
        with _bar(total, done) as advance:

            def report(shard: Counts) -> None:
                nonlocal counts
                counts += shard
                advance(f"{rate():.0f} sentences/s")

            yield report
        return
    shown = begun

    def report_in_lines(shard: Counts) -> None:
        nonlocal counts, done, shown
        counts += shard
        done += 1
        if time.monotonic() - shown >= _LOG_EVERY:
            shown = time.monotonic()
            said = f"{done} of {total} shards, {counts.sentences} sentences, {rate():.0f} a second"
            print(said, file=sys.stderr, flush=True)

    yield report_in_lines


@contextmanager
def _bar(total: int, done: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("shards"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, completed=done)
        yield lambda text: bar.update(task, advance=1, description=text)
