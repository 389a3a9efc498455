"""Whole-word masking."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MaskedBatch:
    """A batch in which words are hidden.

    Attributes:
        input_ids: shape ``(sequences, length)``, int64, with ``[CLS]`` first and ``[SEP]`` last.
        positions: shape ``(masked,)``, int64: indices of the hidden pieces in ``input_ids.flatten()``.
        targets: shape ``(masked,)``, int64: the pieces that stood there.
        content: shape ``(sequences, length - 2)``, int64: the pieces before masking.
    """

    input_ids: Tensor
    positions: Tensor
    targets: Tensor
    content: Tensor


@dataclass(frozen=True)
class Vocabulary:
    """What masking knows of the vocabulary.

    Attributes:
        continues: shape ``(vocab_size,)``, bool: the piece continues a word (``##...``).
        ordinary: shape ``(pieces,)``, int64: all but the special ones.
    """

    cls: int
    sep: int
    mask: int
    continues: Tensor
    ordinary: Tensor


def mask_words(content: Tensor, vocabulary: Vocabulary, rate: float, generator: torch.Generator) -> MaskedBatch:
    """Hide whole words of ``content``, about ``rate`` of them.

    All pieces of a chosen word are hidden: 80 % become ``[MASK]``, 10 % a random piece, 10 % stay (Devlin et al. 2019).

    Args:
        content: shape ``(sequences, length)``, int64 word pieces without special tokens but ``[SEP]`` between paragraphs.
    """
    sequences, length = content.shape
    starts = ~vocabulary.continues[content]
    starts[:, 0] = True
    word = starts.cumsum(dim=1) - 1
    drawn = torch.rand(sequences, length, generator=generator) < rate
    hidden = drawn.gather(1, word) & (content != vocabulary.sep)

    fate = torch.rand(sequences, length, generator=generator)
    noise = vocabulary.ordinary[torch.randint(len(vocabulary.ordinary), (sequences, length), generator=generator)]
    shown = torch.where(hidden & (fate < 0.8), torch.full_like(content, vocabulary.mask), content)
    shown = torch.where(hidden & (fate >= 0.9), noise, shown)

    edge = torch.ones(sequences, 1, dtype=content.dtype)
    input_ids = torch.cat([edge * vocabulary.cls, shown, edge * vocabulary.sep], dim=1)
    inner = torch.zeros(sequences, 1, dtype=torch.bool)
    positions = torch.cat([inner, hidden, inner], dim=1).flatten().nonzero().squeeze(1)
    return MaskedBatch(input_ids, positions, content[hidden], content)
