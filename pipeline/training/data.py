"""The dataset as training reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
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


def hide_pieces(rows: datasets.Dataset, tokenizer: PreTrainedTokenizerBase, share: float) -> datasets.Dataset:
    """Return encoded ``rows`` in which ``share`` of the word pieces is ``[MASK]``, others each time that a row is read.

    An encoder has learned to do without hidden words; a classifier on few sentences thereby learns not to lean on single ones.
    """
    special = set(tokenizer.all_special_ids)

    def hide(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        hidden = [
            [
                tokenizer.mask_token_id if draw < share and piece not in special else piece
                for piece, draw in zip(ids, torch.rand(len(ids)).tolist(), strict=True)
            ]
            for ids in batch["input_ids"]
        ]
        return {**batch, "input_ids": hidden}

    return rows.with_transform(hide)
