"""What a graph multiplies with its weights: word pieces alone, without padding."""

import numpy as np
import pytest
import torch
from transformers import AutoModel

from pipeline.classifier.batches import batches
from pipeline.training.activations import observe

SENTENCES = [np.array([2, 30, 40, 50, 60, 3]), np.array([2, 70, 3]), np.array([2, 80, 90, 3])]


@pytest.fixture(scope="module")
def first_layer(checkpoint) -> np.ndarray:
    """What goes into the first attention, by transformers, sentence by sentence. Shape ``(pieces, width)``."""
    embeddings = AutoModel.from_pretrained(checkpoint).eval().embeddings
    with torch.no_grad():
        return np.concatenate([embeddings(torch.from_numpy(ids)[None])[0].numpy() for ids in SENTENCES])


def test_the_first_activation_is_that_of_all_pieces_and_no_padding(checkpoint, first_layer):
    seen = observe(checkpoint / "model.onnx", batches(SENTENCES))
    first = next(iter(seen.values()))
    assert first.least == pytest.approx(first_layer.min(), rel=1e-5)
    assert first.largest == pytest.approx(first_layer.max(), rel=1e-5)
    assert first.moments == pytest.approx(first_layer.T @ first_layer, rel=1e-4, abs=1e-4)


def test_batches_add_up(checkpoint):
    together = observe(checkpoint / "model.onnx", batches(SENTENCES))
    apart = observe(checkpoint / "model.onnx", batches(SENTENCES, budget=1))
    for one, other in zip(together.values(), apart.values(), strict=True):
        assert one.least <= 0 <= one.largest
        assert (one.least, one.largest) == pytest.approx((other.least, other.largest), rel=1e-4)
        assert one.moments == pytest.approx(other.moments, rel=1e-3, abs=1e-3)


def test_every_layer_has_four_activations(checkpoint):
    """Of attention's three projections, of its output, and of both feed-forward layers.

    The query of the last layer sees the first piece of each sentence alone; its keys and values are no products of pieces.
    """
    layers = AutoModel.from_pretrained(checkpoint).config.num_hidden_layers
    assert len(observe(checkpoint / "model.onnx", batches(SENTENCES))) == 4 * layers
