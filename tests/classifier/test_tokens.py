"""Batches: every sentence once, within the budget, unharmed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pipeline.classifier.tokens import BATCH_TOKENS, batches, encode, load_tokenizer

PADDING = 0
SENTENCES = st.lists(st.integers(1, BATCH_TOKENS + 50), max_size=60).map(
    lambda lengths: [np.full(length, number + 1, dtype=np.int64) for number, length in enumerate(lengths)]
)


@pytest.fixture(scope="module")
def tokenizer(checkpoint) -> Tokenizer:
    return load_tokenizer(checkpoint / "tokenizer.json")


@given(SENTENCES)
@settings(deadline=None, max_examples=50)
def test_every_sentence_stands_in_one_batch_as_it_was(ids):
    seen = []
    for batch in batches(ids, PADDING):
        for row, pieces, mask in zip(batch.rows, batch.input_ids, batch.attention_mask, strict=True):
            seen.append(row)
            length = len(ids[row])
            assert np.array_equal(pieces[:length], ids[row])
            assert (pieces[length:] == PADDING).all()
            assert mask.tolist() == [1] * length + [0] * (len(pieces) - length)
    assert sorted(seen) == list(range(len(ids)))


@given(SENTENCES)
@settings(deadline=None, max_examples=50)
def test_a_batch_keeps_to_the_budget_unless_it_is_one_sentence(ids):
    for batch in batches(ids, PADDING):
        assert batch.input_ids.size <= BATCH_TOKENS or len(batch.rows) == 1
        assert batch.input_ids.shape[1] == max(len(ids[row]) for row in batch.rows)


def test_short_sentences_share_batches():
    short = [np.ones(8, dtype=np.int64)] * 1000
    assert len(list(batches(short, PADDING))) == -(-1000 * 8 // BATCH_TOKENS)


def test_a_long_sentence_keeps_its_first_pieces_and_its_end_mark(tokenizer):
    text = "pegawai menjaga netralitas selama masa kampanye"
    (whole,) = encode([text], tokenizer, 100).ids
    cut = encode([text], tokenizer, 5)
    assert cut.ids[0].tolist() == [*whole[:4], whole[-1]]
    assert cut.truncated == [True]


def test_a_sentence_of_just_the_limit_is_whole(tokenizer):
    text = "pegawai menjaga netralitas"
    (whole,) = encode([text], tokenizer, 100).ids
    assert encode([text], tokenizer, len(whole)).truncated == [False]
    assert encode([text], tokenizer, len(whole) - 1).truncated == [True]


def test_padding_and_truncation_that_a_file_prescribes_are_ignored(checkpoint, tokenizer, tmp_path):
    prescribing = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    prescribing.enable_truncation(4)
    prescribing.enable_padding(length=64)
    prescribing.save(str(tmp_path / "tokenizer.json"))
    text = ["pegawai menjaga netralitas"]
    ours = encode(text, load_tokenizer(tmp_path / "tokenizer.json"), 100)
    assert np.array_equal(ours.ids[0], encode(text, tokenizer, 100).ids[0])
