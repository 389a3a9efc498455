"""Word-piece vectors: pieces that keep the same company lie near each other."""

import numpy as np
import pytest

from pipeline.training.pretrain.embeddings import co_occurrence_vectors


def learned() -> np.ndarray:
    """Return vectors of pieces 0 to 9 and 10 to 19, which never meet within 200 tokens; 20 to 24 do not occur."""
    generator = np.random.default_rng(0)
    groups = [generator.integers(10 * (number % 2), 10 * (number % 2) + 10, 200) for number in range(100)]
    return co_occurrence_vectors(np.concatenate(groups).astype(np.uint16), 25, 16, epochs=3, seed=1)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return learned()


def test_the_same_tokens_give_the_same_vectors(vectors):
    assert np.array_equal(learned(), vectors)


def test_pieces_that_occur_are_centred_with_standard_deviation_1(vectors):
    assert vectors.shape == (25, 16)
    assert vectors[:20].mean(axis=0) == pytest.approx(np.zeros(16), abs=1e-5)
    assert vectors[:20].std() == pytest.approx(1, abs=1e-5)


def test_pieces_that_do_not_occur_have_no_vector(vectors):
    assert not vectors[20:].any()


def test_pieces_of_one_company_are_nearer_than_those_of_two(vectors):
    unit = vectors[:20] / np.linalg.norm(vectors[:20], axis=1, keepdims=True)
    likeness = unit @ unit.T
    same = (likeness[:10, :10].sum() - 10 + likeness[10:, 10:].sum() - 10) / 180
    assert same > likeness[:10, 10:].mean() + 0.5
