"""The dataset as training reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.training.metrics import Floats, Truth

# One sentence as the trainer takes it: ``input_ids``, ``attention_mask``, ``labels`` and whatever else the loss asks for.
Row = dict[str, Any]


def load_split(dataset: Path, name: str) -> datasets.Dataset:
    """Read one split of the dataset stage's output."""
    path = dataset / f"{name}.parquet"
    if not path.is_file():
        raise InputError(f"{path}: no such file; run 'dvc repro dataset' first")
    # ``Dataset.from_parquet`` would leave a copy of every version of the file in the user's cache.
    return datasets.Dataset(pq.read_table(path))


def label_matrix(rows: datasets.Dataset, labels: Sequence[str]) -> Truth:
    """Return the labels of ``rows`` as 0 and 1. Shape ``(sentences, labels)``."""
    return np.array([[label in given for label in labels] for given in rows["labels"]], dtype=np.int8)


def encode(
    texts: Sequence[str], targets: Truth | Floats, tokenizer: PreTrainedTokenizerBase, max_length: int, **columns: float
) -> list[Row]:
    """Return a row per text.

    Args:
        targets: shape ``(texts, labels)``: the ``labels`` of each row.
        columns: values that all rows have besides.
    """
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, return_token_type_ids=False)
    return [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": target, **columns}
        for ids, target in zip(encoded["input_ids"], targets.astype(np.float32), strict=True)
    ]


class HiddenPieces(Dataset[Row]):
    """Rows in which a share of the word pieces is ``[MASK]``, others each time that a row is read.

    An encoder has learned to do without hidden words; a classifier on few sentences thereby learns not to lean on single ones.

    Raises:
        InputError: the tokenizer has no piece to hide others behind.
    """

    def __init__(self, rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, share: float) -> None:
        if tokenizer.mask_token_id is None:
            raise InputError("the encoder's tokenizer has no mask piece; set hidden_pieces to 0")
        self.rows = rows
        self.mask = tokenizer.mask_token_id
        self.special = torch.tensor(tokenizer.all_special_ids)
        self.share = share

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Row:
        row = self.rows[number]
        ids = torch.tensor(row["input_ids"])
        hidden = (torch.rand(len(ids)) < self.share) & ~torch.isin(ids, self.special)
        return {**row, "input_ids": ids.masked_fill(hidden, self.mask).tolist()}
