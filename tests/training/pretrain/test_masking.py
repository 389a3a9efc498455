"""Whole words are hidden, about as many as asked for, the same ones for the same seed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words

CLS, SEP, MASK = 2, 3, 4
# Pieces 5 to 59 begin words, 60 to 99 continue them.
VOCABULARY = Vocabulary(CLS, SEP, MASK, torch.arange(100) >= 60, torch.arange(5, 100))


def sample(sequences: int = 200, length: int = 60) -> Tensor:
    """Draw content: words of one or more pieces, a separator here and there."""
    content = torch.randint(5, 100, (sequences, length), generator=torch.Generator().manual_seed(0))
    content[:, ::17] = SEP
    return content


def masked(content: Tensor, rate: float = 0.2, seed: int = 0) -> MaskedBatch:
    return mask_words(content, VOCABULARY, rate, torch.Generator().manual_seed(seed))


def hidden(batch: MaskedBatch) -> Tensor:
    """Return which pieces of the content are hidden. Shape ``(sequences, length)``, bool."""
    flat = torch.zeros(batch.input_ids.numel(), dtype=torch.bool)
    flat[batch.positions] = True
    return flat.reshape(batch.input_ids.shape)[:, 1:-1]


def test_targets_are_the_pieces_that_stood_at_the_positions():
    content = sample()
    batch = masked(content)
    whole = torch.cat([torch.full((len(content), 1), CLS), content, torch.full((len(content), 1), SEP)], dim=1)
    assert torch.equal(whole.flatten()[batch.positions], batch.targets)
    assert torch.equal(batch.content, content)


def test_nothing_changes_where_nothing_is_hidden():
    content = sample()
    batch = masked(content)
    inner = batch.input_ids[:, 1:-1]
    assert torch.equal(inner[~hidden(batch)], content[~hidden(batch)])
    assert (batch.input_ids[:, 0] == CLS).all()
    assert (batch.input_ids[:, -1] == SEP).all()


@given(seed=st.integers(0, 1000), rate=st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=40)
def test_a_word_is_hidden_whole_or_not_at_all(seed, rate):
    content = torch.randint(3, 100, (4, 30), generator=torch.Generator().manual_seed(seed))
    chosen = hidden(masked(content, rate, seed))
    for row in range(4):
        for place in range(1, 30):
            if VOCABULARY.continues[content[row, place]] and content[row, place - 1] != SEP:
                assert chosen[row, place] == chosen[row, place - 1]


def test_separators_are_never_hidden():
    content = sample()
    assert not hidden(masked(content, rate=0.99))[content == SEP].any()


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_about_the_asked_for_share_of_words_is_hidden(rate):
    content = sample(1000)
    starts = ~VOCABULARY.continues[content] & (content != SEP)
    assert hidden(masked(content, rate))[starts].float().mean().item() == pytest.approx(rate, abs=0.01)


def test_of_hidden_pieces_most_are_masked_some_random_and_some_left():
    content = sample(1000)
    batch = masked(content)
    shown = batch.input_ids[:, 1:-1][hidden(batch)]
    assert (shown == MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (shown == batch.targets).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert shown[shown != MASK].min() >= 5  # no other special token


def test_masking_repeats_itself_with_its_seed_alone():
    first, again, other = masked(sample(), seed=1), masked(sample(), seed=1), masked(sample(), seed=2)
    assert torch.equal(first.input_ids, again.input_ids)
    assert torch.equal(first.positions, again.positions)
    assert not torch.equal(first.input_ids, other.input_ids)
