"""The labels: declared once in ``configs/labels.yaml``, in the order that fixes columns everywhere."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from pipeline.config import Config, load_config

# Columns of the tables, and figures beside those of the labels, which a label must not be called.
RESERVED = frozenset(
    """
    id article_id index field start end text labels truncated checkpoint title source published url sentences articles part predicted
    none several all micro macro exact_match calibration_error test
    """.split()
)
_RESERVED_BEGINNINGS = ("score_", "first_", "micro_", "macro_", "test_")


class Label(Config):
    """What a sentence can do.

    Attributes:
        name: the column and annotation name, lower-case ASCII.
        indonesian: the name shown to Indonesian readers.
        definition: one English sentence.
        colour: ``#RRGGBB``, for plots and pages.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    indonesian: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    colour: str = Field(pattern=r"^#[0-9A-Fa-f]{6}$")


class Labels(Config):
    """All labels, in column order."""

    labels: tuple[Label, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def names_differ(self) -> Self:
        if len(set(self.names)) < len(self.labels):
            raise ValueError("two labels have the same name")
        return self

    @model_validator(mode="after")
    def names_are_free(self) -> Self:
        if taken := [name for name in self.names if name in RESERVED or name.startswith(_RESERVED_BEGINNINGS)]:
            raise ValueError(f"{', '.join(taken)}: the name of a column or of a figure; call the label otherwise")
        return self

    @property
    def names(self) -> list[str]:
        return [label.name for label in self.labels]


def load_labels(path: Path) -> Labels:
    """Read ``configs/labels.yaml``."""
    return load_config(path, Labels)
