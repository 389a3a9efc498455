"""Labelled articles on a terminal, for a person to read."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.apps.predictions import Labelled
from pipeline.classifier.checkpoint import Manifest
from pipeline.corpus.readers import Reject


def show(items: Iterable[Labelled | Reject], manifest: Manifest, console: Console) -> None:
    """Print every article with its sentences, their labels before them in the colours that the checkpoint declares."""
    colours = {label.name: label.colour for label in manifest.labels}
    for item in items:
        if isinstance(item, Reject):
            reject = item.printable()
            console.print(
                Text(f"rejected {reject['place']}: {reject['reason']}; expected {reject['expected']}", style="red")
            )
            continue
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", min_width=max(map(len, colours)) + 5)
        table.add_column(overflow="fold")
        for row in item.rows:
            tags = [Text(f"{label} {row[f'score_{label}']:.2f}", style=colours[label]) for label in row["labels"]]
            # As text, not as a string: rich would take "[zul]" for markup and drop it.
            table.add_row(Text("\n").join(tags), Text(" ".join(row["text"].split())), end_section=True)
        console.print(Text(f"\n{item.record.id}", style="bold"), table, sep="\n")
