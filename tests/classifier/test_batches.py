"""Batches: every sentence once, within the budget, unharmed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classifier.batches import BATCH_TOKENS, batches

SENTENCES = st.lists(st.integers(1, BATCH_TOKENS + 50), max_size=60).map(
    lambda lengths: [np.full(length, number + 1, dtype=np.int64) for number, length in enumerate(lengths)]
)


@given(SENTENCES)
@settings(deadline=None, max_examples=50)
def test_every_sentence_stands_in_one_batch_as_it_was(ids):
    seen = []
    for batch in batches(ids):
        for row, pieces, mask in zip(batch.rows, batch.input_ids, batch.attention_mask, strict=True):
            seen.append(row)
            length = len(ids[row])
            assert np.array_equal(pieces[:length], ids[row])
            assert (pieces[length:] == 0).all()
            assert mask.tolist() == [1] * length + [0] * (len(pieces) - length)
    assert sorted(seen) == list(range(len(ids)))


@given(SENTENCES)
@settings(deadline=None, max_examples=50)
def test_a_batch_keeps_to_the_budget_unless_it_is_one_sentence(ids):
    for batch in batches(ids):
        assert batch.input_ids.size <= BATCH_TOKENS or len(batch.rows) == 1
        assert batch.input_ids.shape[1] == max(len(ids[row]) for row in batch.rows)


def test_short_sentences_share_batches():
    short = [np.ones(8, dtype=np.int64)] * 1000
    assert len(list(batches(short))) == -(-1000 * 8 // BATCH_TOKENS)


@pytest.mark.parametrize("seed", range(5))
def test_less_than_2_percent_of_a_window_is_padding(seed):
    """Lengths spread as those of news are: log-normal, 25 pieces in the middle, one in twenty beyond 60."""
    drawn = np.random.default_rng(seed).lognormal(np.log(25), 0.55, size=4096)
    ids = [np.ones(length, dtype=np.int64) for length in drawn.astype(int).clip(3, 128)]
    positions = sum(batch.input_ids.size for batch in batches(ids))
    assert positions < 1.02 * sum(map(len, ids))
