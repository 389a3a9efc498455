"""Paragraphs to token blocks, and the order in which they are visited."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizer

from pipeline.errors import InputError
from pipeline.training.pretrain.tokens import (
    BLOCK,
    HELD_OUT_EVERY,
    as_blocks,
    batched,
    block_order,
    read_tokens,
    write_tokens,
)
from pipeline.training.pretrain.wordpiece import SPECIAL_TOKENS


@given(st.lists(st.text()), st.integers(1, 5))
def test_batches_have_every_text_in_order(texts, size):
    batches = list(batched(texts, size))
    assert [text for batch in batches for text in batch] == texts
    assert all(len(batch) == size for batch in batches[:-1])


def test_every_paragraph_ends_with_a_separator_in_one_of_two_files(tiny_tokenizer, tmp_path):
    texts = [f"pegawai {'bupati ' * (number % 5)}" for number in range(HELD_OUT_EVERY + 3)]
    write_tokens(texts, tiny_tokenizer, tmp_path)
    expected = [
        [*tiny_tokenizer(text, add_special_tokens=False)["input_ids"], tiny_tokenizer.sep_token_id] for text in texts
    ]
    held_out = [0, HELD_OUT_EVERY]
    assert read_tokens(tmp_path / "held_out.bin").tolist() == [piece for row in held_out for piece in expected[row]]
    assert read_tokens(tmp_path / "train.bin").tolist() == [
        piece for row in range(len(texts)) if row not in held_out for piece in expected[row]
    ]


def test_a_tokenizer_that_cuts_does_not_cut_the_text(tiny_tokenizer, tmp_path):
    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer("pegawai", truncation=True, max_length=8, padding="max_length")
    write_tokens(["", "pegawai " * 20], tokenizer, tmp_path)
    assert len(read_tokens(tmp_path / "train.bin")) == 21


@pytest.mark.parametrize(("pieces", "fits"), [(2**16, True), (2**16 + 1, False)])
def test_more_pieces_than_two_bytes_count_are_refused(tmp_path, pieces, fits):
    tokenizer = BertTokenizer(
        vocab={
            **{piece: number for number, piece in enumerate(SPECIAL_TOKENS)},
            **{f"p{number}": number for number in range(5, pieces)},
        }
    )
    if fits:
        write_tokens(["", f"p{pieces - 1}"], tokenizer, tmp_path)
        assert read_tokens(tmp_path / "train.bin").tolist() == [pieces - 1, tokenizer.sep_token_id]
    else:
        with pytest.raises(InputError, match="the tokenizer has 65,537 pieces; token files hold at most 65,536"):
            write_tokens([""], tokenizer, tmp_path)


@pytest.mark.parametrize("length", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_blocks_are_whole_and_in_order(length):
    tokens = np.arange(length, dtype=np.uint16)
    blocks = as_blocks(tokens)
    assert blocks.shape == (length // BLOCK, BLOCK)
    assert np.array_equal(blocks.ravel(), tokens[: length // BLOCK * BLOCK])


@given(blocks=st.integers(1, 200), epoch=st.integers(0, 5), seed=st.integers(0, 5))
def test_an_epoch_visits_every_block_once_and_always_in_the_same_order(blocks, epoch, seed):
    order = block_order(blocks, epoch, seed)
    assert sorted(order) == list(range(blocks))
    assert np.array_equal(order, block_order(blocks, epoch, seed))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(block_order(50, epoch, seed)) for epoch in range(3) for seed in range(3)}
    assert len(orders) == 9
