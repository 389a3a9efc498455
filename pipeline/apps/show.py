"""Labelled articles on a terminal, for a person to read."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.apps.batch.predictions import Window
from pipeline.classifier.checkpoint import Manifest
from pipeline.corpus.readers import Reject


def show(items: Iterable[Window | Reject], manifest: Manifest, console: Console) -> None:
    """Print every article with its sentences, their labels before them in the colours that the checkpoint declares."""
    colours = {label.name: label.colour for label in manifest.labels}
    for item in items:
        if isinstance(item, Reject):
            reject = item.printable()
            console.print(
                Text(f"rejected {reject['place']}: {reject['reason']}; expected {reject['expected']}", style="red")
            )
            continue
        sentence = 0
        for placed, count in zip(item.placed, item.counts, strict=True):
            table = Table.grid(padding=(0, 2))
            table.add_column(justify="right", min_width=max(map(len, colours)) + 5)
            table.add_column(overflow="fold")
            for number in range(sentence, sentence + count):
                scores = dict(zip(colours, item.probabilities[number], strict=True))
                tags = [Text(f"{label} {scores[label]:.2f}", style=colours[label]) for label in item.labels[number]]
                # As text, not as a string: rich would take "[zul]" for markup and drop it.
                table.add_row(Text("\n").join(tags), Text(" ".join(item.texts[number].split())), end_section=True)
            sentence += count
            console.print(Text(f"\n{placed.record.id}", style="bold"), table, sep="\n")
