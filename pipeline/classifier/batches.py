"""Word pieces to batches, with as little padding as can be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Positions, padding included, that one batch may have: from 256 to 1024 computing is equally fast, and the fewer the less
# padding there is, which matters where few sentences can be sorted.
BATCH_TOKENS = 512


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


def batches(ids: Sequence[NDArray[np.int64]], budget: int = BATCH_TOKENS) -> Iterator[Batch]:
    """Sort sentences by length and yield batches of at most ``budget`` positions (or one sentence), longest first.

    Padding is piece 0, which the mask hides whatever it means.
    """
    lengths = np.array([len(sentence) for sentence in ids])
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        rows = order[start : start + max(budget // longest, 1)]
        pieces = np.arange(longest) < lengths[rows, None]
        input_ids = np.zeros(pieces.shape, dtype=np.int64)
        input_ids[pieces] = np.concatenate([ids[row] for row in rows])
        yield Batch(rows, input_ids, pieces.astype(np.int64))
        start += len(rows)
