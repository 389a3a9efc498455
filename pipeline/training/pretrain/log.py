"""The learning curve of pretraining."""

import csv
from pathlib import Path
from typing import NamedTuple

from pipeline.files import whole_file
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK


class HeldOut(NamedTuple):
    """What was measured on held-out text: ``perplexity`` and ``accuracy`` per hidden piece, ``word_loss`` in nats per hidden word."""

    perplexity: float
    accuracy: float
    word_loss: float


FORMATS = {
    "step": "d",
    "minutes": ".1f",
    "tokens": "d",
    "tokens_per_second": ".0f",
    "masked_loss": ".3f",
    "summary_loss": ".3f",
    "held_out_perplexity": ".1f",
    "held_out_accuracy": ".4f",
    "held_out_word_loss": ".3f",
}


class Log:
    """``log.csv``: one row per evaluation."""

    def __init__(self, path: Path, step: int) -> None:
        """Go on with the log at ``path`` as it was at ``step``; later rows tell of steps that a killed run has lost."""
        self.path = path
        kept = []
        if path.exists():
            with path.open(newline="") as file:
                whole = [row for row in csv.reader(file) if len(row) == len(FORMATS)]
            kept = [row for row in whole[1:] if int(row[0]) <= step]
        with whole_file(path) as beside, beside.open("w", newline="") as file:
            csv.writer(file).writerows([list(FORMATS), *kept])

    def write(self, position: Position, masked: float, summary: float, held_out: HeldOut) -> dict[str, float]:
        """Add the row of ``position`` and return it, unrounded.

        Args:
            masked, summary: the losses of the last step, in nats.
        """
        tokens = position.blocks * BLOCK
        values = (
            position.step,
            position.seconds / 60,
            tokens,
            tokens / position.seconds,
            masked,
            summary,
            *held_out,
        )
        row = dict(zip(FORMATS, values, strict=True))
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow([format(value, FORMATS[name]) for name, value in row.items()])
        return row
