"""Batches: every sentence once, within the budget, unharmed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pipeline.classifier.tokens import BATCH_TOKENS, PIECE_CHARACTERS, Encoded, batches, encode, load_tokenizer

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


def test_identical_sentences_get_identical_pieces(tokenizer):
    texts = ["pegawai netral", "surat suara", "pegawai netral"]
    encoded = encode(texts, tokenizer, 100)
    assert encoded.ids[0] is encoded.ids[2]
    assert [ids.tolist() for ids in encoded.ids] == [encode([text], tokenizer, 100).ids[0].tolist() for text in texts]


def test_what_looks_like_a_special_token_is_text(tokenizer):
    for name in ("[SEP]", "[CLS]", "[PAD]", "[MASK]"):
        (ids,) = encode([f"pegawai {name} netral"], tokenizer, 100).ids
        assert tokenizer.token_to_id(name) not in ids[1:-1]


def test_a_lone_surrogate_is_read_as_a_question_mark(tokenizer):
    hostile, tame = encode(["pegawai \ud800 netral", "pegawai ? netral"], tokenizer, 100).ids
    assert np.array_equal(hostile, tame)


def test_a_text_that_is_no_sentence_is_cut_before_it_is_split_and_counts_as_truncated(tokenizer):
    encoded = encode(["a" * (10 * PIECE_CHARACTERS + 1), "a" * 10 * PIECE_CHARACTERS], tokenizer, 10)
    assert encoded.ids[0].tolist() == encoded.ids[1].tolist()
    assert encoded.truncated == [True, False]


def test_joined_sentences_stand_in_order_and_their_pieces_are_counted(tokenizer):
    texts = ["pegawai netral", "surat " * 20, "suara"]
    parts = [encode([text], tokenizer, 10) for text in texts]
    joined, whole = Encoded.joined(parts), encode(texts, tokenizer, 10)
    assert [ids.tolist() for ids in joined.ids] == [ids.tolist() for ids in whole.ids]
    assert joined.truncated == whole.truncated == [False, True, False]
    assert len(joined) == 3
    assert joined.tokens == sum(part.tokens for part in parts) == sum(map(len, whole.ids))
