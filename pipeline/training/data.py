"""The dataset as training reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from transformers import PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.training.metrics import Truth


def load_split(dataset: Path, name: str) -> datasets.Dataset:
    """Read one split of the dataset stage's output."""
    path = dataset / f"{name}.parquet"
    if not path.is_file():
        raise InputError(f"{path}: no such file; run 'dvc repro dataset' first")
    return datasets.Dataset.from_parquet(str(path), keep_in_memory=True)


def label_matrix(rows: datasets.Dataset, labels: Sequence[str]) -> Truth:
    """Return the labels of ``rows`` as 0 and 1. Shape ``(sentences, labels)``."""
    return np.array([[label in given for label in labels] for given in rows["labels"]], dtype=np.int8)


def encode(
    rows: datasets.Dataset, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
) -> datasets.Dataset:
    """Return ``rows`` as ``input_ids``, ``attention_mask`` and float ``labels``."""

    def columns(batch: dict[str, list[Any]]) -> dict[str, Any]:
        encoded = tokenizer(batch["text"], truncation=True, max_length=max_length, return_token_type_ids=False)
        return {**encoded, "labels": [[float(label in given) for label in labels] for given in batch["labels"]]}

    return rows.map(
        columns, batched=True, remove_columns=rows.column_names, keep_in_memory=True, load_from_cache_file=False
    )
