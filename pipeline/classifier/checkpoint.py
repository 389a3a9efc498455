"""The exported checkpoint: what lies in its folder, and how it is checked before use."""

import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.config import explain
from pipeline.corpus.labels import Label
from pipeline.corpus.segment import SegmentConfig
from pipeline.errors import InputError
from pipeline.files import sha256

MANIFEST = "netral.json"
GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"


class Manifest(BaseModel):
    """``netral.json``: everything that use needs to know beside the weights.

    Attributes:
        version: short hash of all files; names the checkpoint in every prediction.
        labels: in column order.
        thresholds: by label name; a sentence carries a label from this calibrated probability on.
        max_length: word pieces per sentence, special tokens included.
        segmentation: how the sentences of the training data were cut.
        encoder, revision: the base encoder, and its commit if it came from a hub.
        dataset: SHA-256 of the dataset that it was trained and measured on.
        metrics: on the test split.
        libraries: versions of what it was made with.
        files: SHA-256 by file name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    labels: tuple[Label, ...] = Field(min_length=1)
    thresholds: dict[str, float]
    max_length: int = Field(ge=8)
    segmentation: SegmentConfig
    encoder: str
    revision: str | None
    dataset: str
    metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]

    @model_validator(mode="after")
    def thresholds_fit_labels(self) -> Self:
        if list(self.thresholds) != self.names:
            raise ValueError("thresholds and labels do not agree")
        return self

    @property
    def names(self) -> list[str]:
        return [label.name for label in self.labels]


def version_of(files: dict[str, str]) -> str:
    """Return the version of a checkpoint from the hashes of its files."""
    return hashlib.sha256("".join(f"{name}{digest}" for name, digest in sorted(files.items())).encode()).hexdigest()[
        :12
    ]


def open_checkpoint(folder: Path) -> Manifest:
    """Read the manifest of the checkpoint in ``folder`` and verify every file that it names.

    Raises:
        InputError: there is no checkpoint, or it is damaged or incomplete.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: holds no checkpoint (no {MANIFEST}); 'make repro' makes one in models/exported")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: is damaged: {explain(error, Manifest)}; export the checkpoint again") from None
    for name, digest in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise InputError(f"{folder}: is incomplete: {name} is missing; export the checkpoint again")
        if sha256(file) != digest:
            raise InputError(f"{folder}: is damaged: {name} has changed since export; export the checkpoint again")
    return manifest
