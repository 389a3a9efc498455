"""Word pieces: those of the tokenizer, within the limit, whatever was split before."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pipeline.classifier import pieces
from pipeline.classifier.pieces import PIECE_CHARACTERS, Encoded, SentenceTokenizer

# Letters of the vocabulary and beyond, and all that BERT's rules treat in a way of their own: punctuation, accents, marks that
# combine, ideographs, control characters, and white space that is no space.
CHARACTERS = st.sampled_from(" aeinrstAN.,-'\"“”–é\u0301ſİ№中文🗳\x00\x1c\t\n\x85\xa0\u200b\u2028\ufeff\ufffd`1[]#")


@pytest.fixture(scope="module")
def file(checkpoint) -> Path:
    return checkpoint / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer(file) -> SentenceTokenizer:
    return SentenceTokenizer(file, 100)


def as_given(file: Path, text: str) -> list[int]:
    """Return the ids of a text as the library alone splits it."""
    given = Tokenizer.from_file(str(file))
    given.no_padding()
    given.no_truncation()
    given.encode_special_tokens = True
    return given.encode(text).ids


@given(st.lists(st.one_of(st.text(CHARACTERS, max_size=40), st.text(max_size=20)), min_size=1, max_size=6))
@example(["", " ", "  pegawai  netral ", "pegawai netral.", "a\x1cb a\u0301 \u0301a"])
@settings(deadline=None, max_examples=200)
def test_pieces_are_those_of_the_library(file, texts):
    texts = [text.encode(errors="replace").decode() for text in texts]
    tokenizer = SentenceTokenizer(file, 1000)
    for _ in range(2):  # the second time every word is known
        assert [ids.tolist() for ids in tokenizer.encode(texts).ids] == [as_given(file, text) for text in texts]


def test_words_that_are_forgotten_are_split_again(file, monkeypatch):
    monkeypatch.setattr(pieces, "REMEMBERED_CHARACTERS", 10)
    monkeypatch.setattr(pieces, "SPLIT_CHARACTERS", 30)
    tokenizer = SentenceTokenizer(file, 100)
    texts = [f"pegawai ke-{number} menjaga netralitas pegawai" for number in range(20)]
    for _ in range(2):
        assert [ids.tolist() for ids in tokenizer.encode(texts).ids] == [as_given(file, text) for text in texts]


def test_threads_share_the_words_that_are_remembered(file, monkeypatch):
    monkeypatch.setattr(pieces, "REMEMBERED_CHARACTERS", 10)
    tokenizer = SentenceTokenizer(file, 100)
    texts = [f"pegawai ke-{number} menjaga netralitas" for number in range(200)]
    expected = [as_given(file, text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for encoded in pool.map(lambda _: tokenizer.encode(texts), range(64)):
            assert [ids.tolist() for ids in encoded.ids] == expected


def test_pieces_may_reach_over_spaces(tmp_path):
    """As those of byte-level tokenizers do, and tokens that were added to a vocabulary."""
    letters = {
        letter: number for number, letter in enumerate(["[CLS]", "[SEP]", "[UNK]", *"Ġabcdefghijklmnopqrstuvwxyz"])
    }
    byte_level = Tokenizer(
        models.BPE({**letters, "aĠ": len(letters), "aĠb": len(letters) + 1}, [("a", "Ġ"), ("aĠ", "b")])
    )
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    byte_level.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 0), ("[SEP]", 1)])
    byte_level.save(str(tmp_path / "tokenizer.json"))
    (ids,) = SentenceTokenizer(tmp_path / "tokenizer.json", 100).encode(["a b"]).ids
    assert ids.tolist() == [0, len(letters) + 1, 1] == as_given(tmp_path / "tokenizer.json", "a b")


def test_an_added_token_may_have_a_space(file, tmp_path):
    added = Tokenizer.from_file(str(file))
    added.add_tokens(["surat suara"])
    added.save(str(tmp_path / "tokenizer.json"))
    (ids,) = SentenceTokenizer(tmp_path / "tokenizer.json", 100).encode(["surat suara"]).ids
    assert len(ids) == 3
    assert ids.tolist() == as_given(tmp_path / "tokenizer.json", "surat suara")


def test_a_long_sentence_keeps_its_first_pieces_and_its_end_mark(file, tokenizer):
    text = "pegawai menjaga netralitas selama masa kampanye"
    (whole,) = tokenizer.encode([text]).ids
    cut = SentenceTokenizer(file, 5).encode([text])
    assert cut.ids[0].tolist() == [*whole[:4], whole[-1]]
    assert cut.truncated == [True]


def test_a_sentence_of_just_the_limit_is_whole(file, tokenizer):
    text = "pegawai menjaga netralitas"
    (whole,) = tokenizer.encode([text]).ids
    assert SentenceTokenizer(file, len(whole)).encode([text]).truncated == [False]
    assert SentenceTokenizer(file, len(whole) - 1).encode([text]).truncated == [True]


def test_padding_and_truncation_that_a_file_prescribes_are_ignored(file, tokenizer, tmp_path):
    prescribing = Tokenizer.from_file(str(file))
    prescribing.enable_truncation(4)
    prescribing.enable_padding(length=64)
    prescribing.save(str(tmp_path / "tokenizer.json"))
    text = ["pegawai menjaga netralitas"]
    ours = SentenceTokenizer(tmp_path / "tokenizer.json", 100).encode(text)
    assert np.array_equal(ours.ids[0], tokenizer.encode(text).ids[0])


def test_identical_sentences_get_identical_pieces(tokenizer):
    texts = ["pegawai netral", "surat suara", "pegawai netral"]
    encoded = tokenizer.encode(texts)
    assert encoded.ids[0] is encoded.ids[2]
    assert [ids.tolist() for ids in encoded.ids] == [tokenizer.encode([text]).ids[0].tolist() for text in texts]


def test_what_looks_like_a_special_token_is_text(file, tokenizer):
    vocabulary = json.loads(file.read_bytes())["model"]["vocab"]
    for name in ("[SEP]", "[CLS]", "[PAD]", "[MASK]"):
        (ids,) = tokenizer.encode([f"pegawai {name} netral"]).ids
        assert vocabulary[name] not in ids[1:-1]


def test_a_lone_surrogate_is_read_as_a_question_mark(tokenizer):
    hostile, tame = tokenizer.encode(["pegawai \ud800 netral", "pegawai ? netral"]).ids
    assert np.array_equal(hostile, tame)


def test_a_text_that_is_no_sentence_is_cut_before_it_is_split_and_counts_as_truncated(file):
    encoded = SentenceTokenizer(file, 10).encode(["a" * (10 * PIECE_CHARACTERS + 1), "a" * 10 * PIECE_CHARACTERS])
    assert encoded.ids[0].tolist() == encoded.ids[1].tolist()
    assert encoded.truncated == [True, False]


def test_joined_sentences_stand_in_order_and_their_pieces_are_counted(file):
    tokenizer = SentenceTokenizer(file, 10)
    texts = ["pegawai netral", "surat " * 20, "suara"]
    parts = [tokenizer.encode([text]) for text in texts]
    joined, whole = Encoded.joined(parts), tokenizer.encode(texts)
    assert [ids.tolist() for ids in joined.ids] == [ids.tolist() for ids in whole.ids]
    assert joined.truncated == whole.truncated == [False, True, False]
    assert len(joined) == 3
    assert joined.tokens == sum(part.tokens for part in parts) == sum(map(len, whole.ids))
