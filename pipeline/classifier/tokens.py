"""Sentences to batches of word pieces, with as little padding as can be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Positions, padding included, that one batch may have: from 256 to 1024 computing is equally fast, and the fewer the less
# padding there is, which matters where few sentences can be sorted.
BATCH_TOKENS = 512
# Characters per word piece that may be read of one sentence. No sentence has so many; a file without a line break has.
PIECE_CHARACTERS = 100

# Of a sentence, the tokenizer returns many times the size of its ids: not of all of a window at the same time.
ENCODED_TOGETHER = 512


@dataclass(frozen=True)
class Encoded:
    """Sentences as word pieces.

    Attributes:
        ids: per sentence, shape ``(length,)``, int64, special tokens included.
        truncated: per sentence, whether something behind the model's limit was cut.
    """

    ids: list[NDArray[np.int64]]
    truncated: list[bool]

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """The number of word pieces of all sentences together: what scoring them costs."""
        return sum(map(len, self.ids))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the sentences of all ``parts``, in order."""
        return cls(
            list(chain.from_iterable(part.ids for part in parts)),
            list(chain.from_iterable(part.truncated for part in parts)),
        )


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
    """Read ``tokenizer.json``, without the padding and truncation that it may prescribe: both are done here.

    ``[SEP]`` and the like in a text are text, no special tokens.
    """
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


def encode(texts: Sequence[str], tokenizer: Tokenizer, max_length: int) -> Encoded:
    """Split ``texts`` into word pieces, identical ones once.

    A sentence of more than ``max_length`` pieces keeps its first ones and its end mark; so does one of more than
    :data:`PIECE_CHARACTERS` times as many characters. Lone surrogates, which are no text, are read as question marks.
    """
    readable = max_length * PIECE_CHARACTERS
    unique = list(dict.fromkeys(texts))
    known = {}
    for first in range(0, len(unique), ENCODED_TOGETHER):
        some = unique[first : first + ENCODED_TOGETHER]
        starts = [text[:readable] for text in some]
        try:
            encodings = tokenizer.encode_batch_fast(starts)
        except TypeError:
            encodings = tokenizer.encode_batch_fast([text.encode(errors="replace").decode() for text in starts])
        for text, encoding in zip(some, encodings, strict=True):
            ids = encoding.ids
            long = len(ids) > max_length
            kept = [*ids[: max_length - 1], ids[-1]] if long else ids
            known[text] = np.array(kept, dtype=np.int64), long or len(text) > readable
    return Encoded([known[text][0] for text in texts], [known[text][1] for text in texts])


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
        input_ids = np.zeros((len(rows), longest), dtype=np.int64)
        attention_mask = np.zeros_like(input_ids)
        for place, row in enumerate(rows):
            input_ids[place, : lengths[row]] = ids[row]
            attention_mask[place, : lengths[row]] = 1
        yield Batch(rows, input_ids, attention_mask)
        start += len(rows)
