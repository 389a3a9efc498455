"""The exported checkpoint: what lies in its folder, and how it is checked before use."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.config import explain
from pipeline.corpus.labels import Label
from pipeline.corpus.segment import SegmentConfig
from pipeline.errors import InputError
from pipeline.files import sha256

MANIFEST = "netral.json"
TOKENIZER = "tokenizer.json"
Precision = Literal["fp32", "int8"]
Device = Literal["cpu", "cuda"]
# How activations become integers in the int8 graph: by ranges that are fixed, or by a scale per word piece, which the
# feed-forward layers alone may have. None lets a sentence depend on its neighbours.
Scheme = Literal["static", "per-token", "feed-forward"]
GRAPHS: dict[Precision, str] = {"fp32": "model.onnx", "int8": "model-int8.onnx"}


class Parity(BaseModel):
    """How the int8 graph differs from the fp32 one on validation, both as the runtime computes them.

    Attributes:
        sentences: compared.
        agreement: share of label decisions, one per sentence and label, that agree.
        flips: decisions that do not, by label.
        logit_difference, probability_difference: the largest of any sentence and label.
        f1: by precision, of each label and ``macro``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentences: int = Field(ge=1)
    agreement: float = Field(ge=0, le=1)
    flips: dict[str, int]
    logit_difference: float = Field(ge=0)
    probability_difference: float = Field(ge=0, le=1)
    f1: dict[Precision, dict[str, float]]


class Manifest(BaseModel):
    """``netral.json``: everything that use needs to know beside the weights.

    Attributes:
        version: short hash of all else in the manifest, and thereby of all files; names the checkpoint in every prediction.
        labels: in column order.
        thresholds: by label name; a sentence carries a label from this calibrated probability on.
        max_length: word pieces per sentence, special tokens included.
        segmentation: how the sentences of the training data were cut.
        precision: of the graph that is used unless another one is asked for.
        precision_reason: why that one, in a sentence.
        scheme: of the int8 graph.
        parity: what was compared to decide it.
        encoder, revision: the base encoder, and its commit if it came from a hub.
        dataset: SHA-256 by split of the dataset that it was trained and measured on.
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
    precision: Precision
    precision_reason: str
    scheme: Scheme
    parity: Parity
    encoder: str
    revision: str | None
    dataset: dict[str, str]
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


def version_of(content: Mapping[str, Any]) -> str:
    """Return the version of a checkpoint from its manifest as JSON values: whatever is changed in it, the version changes."""
    values = {name: value for name, value in content.items() if name != "version"}
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def open_checkpoint(folder: Path, used: Collection[str] | None = None) -> Manifest:
    """Read the manifest of the checkpoint in ``folder``, verify that it is as written, and every file that it names.

    Args:
        used: the only files to verify, where all have been before, by a process that shares its work.

    Raises:
        InputError: there is no checkpoint, or it is damaged, edited or incomplete.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: holds no checkpoint (no {MANIFEST}); 'make repro' makes one in models/exported")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: is damaged: {explain(error, Manifest)}; export the checkpoint again") from None
    if manifest.version != version_of(manifest.model_dump(mode="json")):
        raise InputError(
            f"{path}: was edited after export (its version is not that of its contents); export the checkpoint again"
        )
    for name, digest in manifest.files.items():
        if used is not None and name not in used:
            continue
        file = folder / name
        if not file.is_file():
            raise InputError(f"{folder}: is incomplete: {name} is missing; export the checkpoint again")
        if sha256(file) != digest:
            raise InputError(f"{folder}: is damaged: {name} has changed since export; export the checkpoint again")
    return manifest
