"""Sentences to batches of word pieces, with as little padding as can be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Positions, padding included, that one batch may have: enough to keep a core busy, few enough to stay in its cache.
BATCH_TOKENS = 2048


@dataclass(frozen=True)
class Encoded:
    """Sentences as word pieces.

    Attributes:
        ids: per sentence, shape ``(length,)``, int64, special tokens included.
        truncated: per sentence, whether pieces behind the model's limit were cut.
    """

    ids: list[NDArray[np.int64]]
    truncated: list[bool]


@dataclass(frozen=True)
class Batch:
    """Sentences of similar length.

    Attributes:
        rows: shape ``(sentences,)``: their places in what was encoded.
        input_ids, attention_mask: shape ``(sentences, length)``, int64.
    """

    rows: NDArray[np.int64]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json``, without the padding and truncation that it may prescribe: both are done here."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(texts: Sequence[str], tokenizer: Tokenizer, max_length: int) -> Encoded:
    """Split ``texts`` into word pieces; a sentence of more than ``max_length`` keeps its first pieces and its end mark."""
    encoded = Encoded([], [])
    for encoding in tokenizer.encode_batch_fast(list(texts)):
        ids = encoding.ids
        encoded.truncated.append(len(ids) > max_length)
        encoded.ids.append(
            np.array(ids if len(ids) <= max_length else [*ids[: max_length - 1], ids[-1]], dtype=np.int64)
        )
    return encoded


def batches(ids: Sequence[NDArray[np.int64]], padding: int) -> Iterator[Batch]:
    """Sort sentences by length and yield batches of at most :data:`BATCH_TOKENS` positions (or one sentence)."""
    lengths = np.array([len(sentence) for sentence in ids])
    order = np.argsort(lengths, kind="stable")[::-1]
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        rows = order[start : start + max(BATCH_TOKENS // longest, 1)]
        input_ids = np.full((len(rows), longest), padding, dtype=np.int64)
        attention_mask = np.zeros_like(input_ids)
        for place, row in enumerate(rows):
            input_ids[place, : lengths[row]] = ids[row]
            attention_mask[place, : lengths[row]] = 1
        yield Batch(rows, input_ids, attention_mask)
        start += len(rows)
