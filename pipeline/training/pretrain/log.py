"""The learning curve of pretraining."""

import csv
from pathlib import Path

from pipeline.files import whole_file
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK


class Log:
    """``log.csv``: one row per evaluation."""

    COLUMNS = (
        "step",
        "minutes",
        "tokens",
        "tokens_per_second",
        "masked_loss",
        "summary_loss",
        "held_out_perplexity",
        "held_out_accuracy",
    )

    def __init__(self, path: Path, step: int) -> None:
        """Go on with the log at ``path`` as it was at ``step``; later rows tell of steps that a killed run has lost."""
        self.path = path
        kept = []
        if path.exists():
            with path.open(newline="") as file:
                whole = [row for row in csv.reader(file) if len(row) == len(self.COLUMNS)]
            kept = [row for row in whole[1:] if int(row[0]) <= step]
        with whole_file(path) as beside, beside.open("w", newline="") as file:
            csv.writer(file).writerows([self.COLUMNS, *kept])

    def write(self, position: Position, masked: float, summary: float, perplexity: float, accuracy: float) -> str:
        """Add the row of ``position`` and return it as a line to print.

        Args:
            masked, summary: the losses of the last step, in nats.
            perplexity, accuracy: per hidden piece of the held-out text.
        """
        tokens = position.blocks * BLOCK
        row = (
            str(position.step),
            f"{position.seconds / 60:.1f}",
            str(tokens),
            f"{tokens / position.seconds:.0f}",
            f"{masked:.3f}",
            f"{summary:.3f}",
            f"{perplexity:.1f}",
            f"{accuracy:.4f}",
        )
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)
        return ", ".join(f"{name} {value}" for name, value in zip(self.COLUMNS, row, strict=True))
