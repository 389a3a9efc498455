"""How long pretraining goes on: by the clock, or by what is read."""

from dataclasses import dataclass

from pipeline.errors import InputError
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK


@dataclass(frozen=True)
class Budget:
    """Either a time or a number of tokens. Learning rate, masking and batches follow the share of it that is spent.

    What a run of so many tokens ends with depends on text, configuration and machine alone; by the clock, no two are alike.

    Attributes:
        minutes: of training, over all runs.
        tokens: read in all; the last step may go beyond it.

    Raises:
        InputError: there is not exactly one of them.
    """

    minutes: float | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.tokens is None):
            raise InputError("give either minutes or tokens to train for")

    def spent(self, position: Position) -> float:
        """Return the share of the budget that is spent at ``position``; 1 or more at the end."""
        if self.tokens is not None:
            return position.blocks * BLOCK / self.tokens
        assert self.minutes is not None
        return position.seconds / 60 / self.minutes
