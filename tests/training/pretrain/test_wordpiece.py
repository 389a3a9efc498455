"""The tokenizer of a new encoder."""

import random

from transformers import AutoTokenizer

from pipeline.training.pretrain.wordpiece import SPECIAL_TOKENS, train_wordpiece

TEXTS = ["pegawai menjaga netralitas", "bupati melarang pegawai berkampanye", "surat suara dikirim"] * 10


def test_special_tokens_come_first():
    tokenizer = train_wordpiece(lambda: TEXTS, 100, 64)
    assert tokenizer.convert_ids_to_tokens(range(5)) == SPECIAL_TOKENS
    assert (tokenizer.cls_token, tokenizer.sep_token, tokenizer.pad_token) == ("[CLS]", "[SEP]", "[PAD]")


def test_case_and_accents_are_folded():
    tokenizer = train_wordpiece(lambda: TEXTS, 100, 64)
    assert tokenizer.tokenize("Pegawai MÉNJAGA") == tokenizer.tokenize("pegawai menjaga")


def test_there_are_no_more_pieces_than_asked_for():
    assert len(train_wordpiece(lambda: TEXTS, 60, 64)) == 60


def test_the_same_texts_give_the_same_pieces_in_the_same_order():
    """Where hundreds of words, and some characters at the limit, are equally frequent."""
    generator = random.Random(0)
    words = ["".join(generator.choices("abdegiklmnoprstu", k=generator.randint(2, 8))) for _ in range(300)]
    letters = "".join(map(chr, range(0x10D0, 0x10D0 + 43))) + " ".join(map(chr, range(0x4E00, 0x4E00 + 220)))
    texts = [" ".join(words), letters] * 12
    first, *others = (train_wordpiece(lambda: texts, 500, 64).get_vocab() for _ in range(3))
    assert others == [first, first]
    assert len(first) == 500


def test_no_piece_continues_a_word_with_a_mark():
    pieces = train_wordpiece(lambda: ["pegawai, (2024) - surat."] * 10, 100, 64).get_vocab()
    assert "," in pieces
    assert not {"##,", "##(", "##)", "##-", "##."} & set(pieces)


def test_of_many_characters_the_rarest_are_unknown():
    letters = [chr(number) for number in range(0x10D0, 0x10D0 + 43)] + [
        chr(number) for number in range(0x0E01, 0x0E01 + 46)
    ]
    letters += [chr(number) for number in range(0x13A0, 0x13A0 + 80)] + [
        chr(number) for number in range(0xA000, 0xA000 + 60)
    ]
    frequent, rare = letters[:180], letters[180:]
    tokenizer = train_wordpiece(lambda: [" ".join(frequent)] * 20 + [" ".join(rare)], 1000, 64)
    assert tokenizer.unk_token not in tokenizer.tokenize(" ".join(frequent))
    assert tokenizer.tokenize(" ".join(rare)).count("[UNK]") == len(letters) - 200


def test_it_is_read_back_as_a_fast_tokenizer_that_says_the_same(tmp_path):
    tokenizer = train_wordpiece(lambda: TEXTS, 100, 64)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.is_fast
    assert again.model_max_length == 64
    assert again(TEXTS[:3])["input_ids"] == tokenizer(TEXTS[:3])["input_ids"]
