"""Scores belong to a sentence alone: neither order nor neighbours change them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_corpus import ARTICLES, sentences

from pipeline.classifier.predict import Classifier, Scores

TEXTS = [text for number in range(ARTICLES) for text, _ in sentences(number)]


@pytest.fixture(scope="module")
def classifier(checkpoint) -> Classifier:
    return Classifier(checkpoint)


@pytest.fixture(scope="module")
def probabilities(classifier) -> np.ndarray:
    return classifier.score(TEXTS).probabilities


def test_there_is_a_probability_per_sentence_and_label(classifier, probabilities):
    assert probabilities.shape == (len(TEXTS), len(classifier.manifest.names))
    assert probabilities.dtype == np.float32
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_sentences_get_different_scores(probabilities):
    assert len(np.unique(probabilities.round(4), axis=0)) > len(TEXTS) / 2


@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=40))
@settings(deadline=None, max_examples=30)
def test_scores_depend_on_neither_order_nor_neighbours(classifier, probabilities, chosen):
    scores = classifier.score([TEXTS[number] for number in chosen])
    assert np.abs(scores.probabilities - probabilities[chosen]).max() < 1e-5


def test_scores_are_the_same_beside_a_much_longer_sentence(classifier, probabilities):
    scores = classifier.score(["pegawai " * 40, TEXTS[1]])
    assert np.abs(scores.probabilities[1] - probabilities[1]).max() < 1e-5


def test_identical_sentences_get_identical_scores(classifier):
    scores = classifier.score([TEXTS[3], *TEXTS[:20], TEXTS[3]]).probabilities
    assert np.array_equal(scores[0], scores[-1])
    assert np.array_equal(scores[0], scores[4])


def test_threads_change_no_score(checkpoint, probabilities):
    assert np.abs(Classifier(checkpoint, threads=1).score(TEXTS).probabilities - probabilities).max() < 1e-5


def test_only_a_sentence_beyond_the_limit_counts_as_truncated(classifier):
    scores = classifier.score(["pegawai " * 100, TEXTS[0]])
    assert scores.truncated.tolist() == [True, False]


def test_what_lies_beyond_the_limit_is_not_read(classifier):
    start = "pegawai " * classifier.manifest.max_length
    scores = classifier.score([start + "dicopot", start + "surat suara dikirim"]).probabilities
    assert np.array_equal(scores[0], scores[1])


def test_no_sentences_give_no_scores(classifier):
    scores = classifier.score([])
    assert scores.probabilities.shape == (0, 4)
    assert scores.truncated.shape == (0,)
    assert classifier.labels(scores) == []


@pytest.mark.parametrize("text", ["", " ", "…", "🗳️", "日本", "a\x00b", "\u202e"])
def test_odd_texts_get_scores_too(classifier, text):
    scores = classifier.score([text])
    assert np.isfinite(scores.probabilities).all()


def test_a_label_is_given_from_its_threshold_on(classifier):
    at = classifier.thresholds
    below = np.nextafter(at, np.float32(0), dtype=np.float32)
    scores = Scores(np.stack([at, below, [at[0], below[1], at[2], below[3]]]), np.zeros(3, dtype=bool))
    names = classifier.manifest.names
    assert classifier.labels(scores) == [names, [], [names[0], names[2]]]
