"""Sentences to word pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# Characters per word piece that may be read of one sentence. No sentence has so many; a file without a line break has.
PIECE_CHARACTERS = 100
# Characters that are split together: the tokenizer returns many times the size of its ids, and so not all of a window.
SPLIT_CHARACTERS = 2**17
# Characters of words that are remembered: some 35,000 words, of 8 MB.
REMEMBERED_CHARACTERS = 2**18


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


class SentenceTokenizer:
    """The tokenizer of a checkpoint, which remembers the words that it has seen.

    News repeats its words, and to look a word up is far quicker than to split it once more. Where pieces may reach over a
    space, in other tokenizers than those of BERT, sentences are split as a whole. Threads may share it.

    ``[SEP]`` and the like in a text are text, no special tokens. Padding and truncation that the file prescribes are
    ignored.

    Args:
        path: of ``tokenizer.json``.
        max_length: pieces per sentence, special tokens included.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True
        self._max_length = max_length
        self._by_word = _spaces_part_words(self._tokenizer)
        self._marks = self._tokenizer.encode("").ids
        self._words: dict[str, list[int]] = {}
        self._remembered = 0

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Split ``texts`` into word pieces, identical ones once.

        A sentence of more pieces than the limit keeps its first ones and its end mark; so does one of more than
        :data:`PIECE_CHARACTERS` times as many characters. Lone surrogates, which are no text, are read as question marks.
        """
        readable = self._max_length * PIECE_CHARACTERS
        starts = {text: text[:readable] for text in texts}
        read = accumulate(map(len, starts.values()))
        known = {}
        for _, group in groupby(zip(starts, read, strict=True), key=lambda pair: pair[1] // SPLIT_CHARACTERS):
            some = [text for text, _ in group]
            for text, ids in zip(some, self._pieces([starts[text] for text in some]), strict=True):
                long = len(ids) > self._max_length
                kept = [*ids[: self._max_length - 1], ids[-1]] if long else ids
                known[text] = np.array(kept, dtype=np.int64), long or len(text) > readable
        return Encoded([known[text][0] for text in texts], [known[text][1] for text in texts])

    def _pieces(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of every text, special tokens included."""
        if not self._by_word:
            return self._split(texts, marks=True)
        parted = [text.split(" ") for text in texts]
        words = self._words
        new = [word for word in dict.fromkeys(chain.from_iterable(parted)) if word not in words]
        words.update(zip(new, self._split(new, marks=False), strict=True))
        start, end = self._marks
        pieces = [[start, *chain.from_iterable([words[word] for word in parts]), end] for parts in parted]
        self._remembered += sum(map(len, new))
        if self._remembered > REMEMBERED_CHARACTERS:
            # Another thread may still look words up in the old ones.
            self._words, self._remembered = {}, 0
        return pieces

    def _split(self, texts: list[str], marks: bool) -> list[list[int]]:
        """Return the ids of every text, with the tokenizer's special tokens if ``marks``."""
        try:
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=marks)
        except TypeError:
            readable = [text.encode(errors="replace").decode() for text in texts]
            encodings = self._tokenizer.encode_batch_fast(readable, add_special_tokens=marks)
        return [encoding.ids for encoding in encodings]


def _spaces_part_words(tokenizer: Tokenizer) -> bool:
    """Say whether the pieces of a text are those of its parts between spaces, with one mark before and one behind them."""
    return (
        isinstance(tokenizer.normalizer, BertNormalizer)
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(tokenizer.model, WordPiece)
        # Tokens that are added and not special may have spaces of their own.
        and all(token.special for token in tokenizer.get_added_tokens_decoder().values())
        and len(tokenizer.encode("").ids) == 2
    )
