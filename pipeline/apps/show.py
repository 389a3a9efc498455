"""Labelled articles on a terminal, for a person to read."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from pipeline.apps.predictions import Labelled
from pipeline.classifier.checkpoint import Manifest
from pipeline.corpus.readers import Reject


def show(items: Iterable[Labelled | Reject], manifest: Manifest, console: Console) -> None:
    """Print every sentence with its labels before it, colours and Indonesian names as the checkpoint declares them."""
    colours = {label.name: label.colour for label in manifest.labels}
    width = max(len(name) for name in manifest.names)
    for item in items:
        if isinstance(item, Reject):
            console.print(Text(f"rejected {item.place}: {item.reason}; expected {item.expected}", style="red"))
            continue
        console.print(Text(f"\n{item.record.id}", style="bold"))
        for row in item.rows:
            labels = row["labels"] or [""]
            for number, label in enumerate(labels):
                tag = Text(f"{label:>{width}} ", style=colours.get(label, ""))
                score = Text(f"{row[f'score_{label}']:.2f} " if label else "     ", style="dim")
                console.print(tag + score + Text(" ".join(row["text"].split()) if number == len(labels) - 1 else "┐"))
