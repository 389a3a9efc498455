"""``netral classify``: label new articles with an exported checkpoint."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pipeline.apps.output import Format, check_output, rejects_path, single_file_format, write
from pipeline.apps.predictions import Counts, Labelled, Unit, predict, read_units
from pipeline.apps.show import show
from pipeline.classifier.predict import Classifier
from pipeline.corpus.input_files import find_files
from pipeline.corpus.readers import Reject
from pipeline.errors import InputError


def classify(
    inputs: list[str], checkpoint: Path, out: Path | None, unit: Unit, form: Format, overwrite: bool
) -> Counts:
    """Label every record of ``inputs`` and write to ``out``, or print, and return what was counted.

    Raises:
        InputError: an input is missing, the output may not be written, the checkpoint is unusable, or nothing could be read.
    """
    if out is not None:
        check_output(out, overwrite)
    files = find_files(inputs)
    classifier = Classifier(checkpoint)
    counts = Counts()
    log = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=log,
        disable=out is None or not log.is_terminal,
    )
    with progress:
        items = _remember_first_reject(
            predict(read_units(progress.track(files, description="files"), unit), classifier, counts), counts
        )
        if out is None:
            show(items, classifier.manifest, Console())
        else:
            write(items, out, classifier.manifest.names, unit, form)
    log.print(_summary(counts, unit, classifier.manifest.names, out), highlight=False, markup=False, soft_wrap=True)
    return counts


def _remember_first_reject(items: Iterable[Labelled | Reject], counts: Counts) -> Iterator[Labelled | Reject]:
    """Pass ``items`` on; if all of them are rejects, end with the first one as an error, so that no output appears."""
    first: Reject | None = None
    for item in items:
        if isinstance(item, Reject) and first is None:
            first = item
        yield item
    if counts.records == 0 and first is not None:
        more = f" (and {counts.rejects - 1} more)" if counts.rejects > 1 else ""
        raise InputError(f"nothing could be read: {first.place}: {first.reason}; expected {first.expected}{more}")


def _summary(counts: Counts, unit: Unit, labels: list[str], out: Path | None) -> str:
    what = (
        f"{counts.records} articles, {counts.sentences} sentences"
        if unit == "article"
        else f"{counts.sentences} sentences"
    )
    carried = ", ".join(f"{counts.labels[label]} {label}" for label in labels)
    rejected = f"; {counts.rejects} rejected" if counts.rejects else ""
    if out is not None and counts.rejects:
        rejected += f", see {rejects_path(out) if single_file_format(out) else out / 'rejects.jsonl'}"
    return f"{what}: {carried}{rejected}" + (f"; written to {out}" if out else "")
