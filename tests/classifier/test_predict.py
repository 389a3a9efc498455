"""Scores belong to a sentence alone: neither order nor neighbours change them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_corpus import ARTICLES, sentences
from serve_process import replace

from pipeline.classifier import runtime
from pipeline.classifier.checkpoint import open_checkpoint
from pipeline.classifier.predict import Classifier, Scores
from pipeline.errors import InputError

TEXTS = [text for number in range(ARTICLES) for text, _ in sentences(number)]


# Where the last bit of a float differs with the shape of a batch, rounding to integers may make a step of it.
TOLERANCE = {"fp32": 1e-5, "int8": 1e-3}


@pytest.fixture(scope="module", params=["fp32", "int8"])
def classifier(checkpoint, request) -> Classifier:
    return Classifier(checkpoint, request.param)


@pytest.fixture(scope="module")
def tolerance(classifier) -> float:
    return TOLERANCE[classifier.precision]


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
def test_scores_depend_on_neither_order_nor_neighbours(classifier, probabilities, tolerance, chosen):
    scores = classifier.score([TEXTS[number] for number in chosen])
    assert np.abs(scores.probabilities - probabilities[chosen]).max() < tolerance


def test_scores_are_the_same_beside_a_much_longer_sentence(classifier, probabilities, tolerance):
    scores = classifier.score(["pegawai " * 40, TEXTS[1]])
    assert np.abs(scores.probabilities[1] - probabilities[1]).max() < tolerance


def test_the_same_sentences_give_the_same_bytes(classifier, probabilities):
    assert classifier.score(TEXTS).probabilities.tobytes() == probabilities.tobytes()


def test_encoded_sentences_get_the_scores_of_their_texts(classifier, probabilities):
    encoded = classifier.encode(TEXTS)
    assert len(encoded) == len(TEXTS)
    assert np.array_equal(classifier.score_encoded(encoded).probabilities, probabilities)


def test_precision_is_that_of_the_manifest_unless_told(checkpoint):
    default = Classifier(checkpoint)
    assert default.precision == default.manifest.precision
    assert Classifier(checkpoint, "fp32").precision == "fp32"
    assert Classifier(checkpoint, "int8").precision == "int8"


def test_identical_sentences_get_identical_scores(classifier):
    scores = classifier.score([TEXTS[3], *TEXTS[:20], TEXTS[3]]).probabilities
    assert np.array_equal(scores[0], scores[-1])
    assert np.array_equal(scores[0], scores[4])


def test_threads_change_no_score(checkpoint, classifier, probabilities, tolerance):
    others = Classifier(checkpoint, classifier.precision, threads=2).score(TEXTS).probabilities
    assert np.abs(others - probabilities).max() < tolerance


def test_only_a_sentence_beyond_the_limit_counts_as_truncated(classifier):
    scores = classifier.score(["pegawai " * classifier.manifest.max_length, TEXTS[0]])
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


def test_a_checkpoint_that_is_replaced_while_it_is_loaded_is_refused(checkpoint, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "exported"))
    first = open_checkpoint(folder)
    open_graph = runtime.open_graph

    def open_and_replace(*given):
        session = open_graph(*given)
        replace(folder, "another")
        return session

    with monkeypatch.context() as patched:
        patched.setattr(runtime, "open_graph", open_and_replace)
        with pytest.raises(InputError, match="was replaced while it was being loaded; try again"):
            Classifier(folder)
    with pytest.raises(InputError, match="was replaced"):
        Classifier(folder, manifest=first)
    assert Classifier(folder).manifest.version != first.version
