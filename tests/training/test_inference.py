"""Logits of a model that is not exported yet."""

import numpy as np
import pytest
from made_corpus import sentences

from pipeline.training.encoder import load_encoder
from pipeline.training.inference import logits_of

TEXTS = [text for number in range(4) for text, _ in sentences(number)]


@pytest.fixture(scope="module")
def encoder(tiny_encoder):
    return load_encoder(str(tiny_encoder), None, ["a", "b", "c"])


def test_logits_come_in_the_order_of_the_texts_whatever_the_batches(encoder):
    alone = np.concatenate([logits_of(encoder.model, encoder.tokenizer, [text], 48, 1) for text in TEXTS])
    for batch_size in (1, 5, 100):
        together = logits_of(encoder.model, encoder.tokenizer, TEXTS, 48, batch_size)
        assert np.abs(together - alone).max() < 1e-5
    assert np.abs(alone - alone[::-1]).max() > 1e-3


def test_dropout_is_off(encoder):
    encoder.model.train()
    first, second = (logits_of(encoder.model, encoder.tokenizer, TEXTS, 48, 8) for _ in range(2))
    assert np.array_equal(first, second)


def test_no_texts_give_no_logits(encoder):
    assert logits_of(encoder.model, encoder.tokenizer, [], 48, 8).shape == (0, 3)
