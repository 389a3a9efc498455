"""Metrics against values worked out by hand, and against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

from pipeline.training.metrics import (
    average_precision,
    bootstrap_interval,
    calibration_error,
    macro_f1,
    multilabel_report,
)

# Two labels over four sentences.
TRUTH = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8)
PREDICTED = np.array([[1, 0], [0, 1], [1, 0], [0, 0]], dtype=np.int8)
PROBABILITIES = np.array([[0.9, 0.2], [0.4, 0.8], [0.6, 0.3], [0.1, 0.1]])

MATRICES = st.tuples(st.integers(1, 30), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(*(arrays.arrays(np.int8, shape, elements=st.integers(0, 1)) for _ in range(2)))
)


def test_report_by_hand():
    report = multilabel_report(TRUTH, PREDICTED, PROBABILITIES, ["a", "b"])
    # a: 1 hit of 2 claims and 2 sentences. b: 1 hit of 1 claim and 2 sentences.
    assert report.labels["a"]["precision"] == 0.5
    assert report.labels["a"]["recall"] == 0.5
    assert report.labels["a"]["f1"] == 0.5
    assert report.labels["b"]["precision"] == 1.0
    assert report.labels["b"]["recall"] == 0.5
    assert report.labels["b"]["f1"] == pytest.approx(2 / 3)
    assert report.labels["a"]["support"] == report.labels["b"]["support"] == 2
    # a ranks its sentences first and third, b first and second.
    assert report.labels["a"]["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert report.labels["b"]["average_precision"] == 1.0
    assert report.overall["micro_precision"] == pytest.approx(2 / 3)
    assert report.overall["micro_recall"] == 0.5
    assert report.overall["micro_f1"] == pytest.approx(4 / 7)
    assert report.overall["macro_f1"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert report.overall["exact_match"] == 0.5


def test_flat_report_has_labels_and_overall_figures_side_by_side():
    report = multilabel_report(TRUTH, PREDICTED, PROBABILITIES, ["a", "b"])
    assert report.flat()["b"] == report.labels["b"]
    assert report.flat()["macro_f1"] == report.overall["macro_f1"]


def test_a_label_that_nobody_carries_or_is_given_counts_as_0():
    nothing = np.zeros((3, 1), dtype=np.int8)
    report = multilabel_report(nothing, nothing, np.full((3, 1), 0.2), ["a"])
    assert {report.labels["a"][name] for name in ("precision", "recall", "f1", "average_precision")} == {0.0}


@given(MATRICES)
@settings(deadline=None, max_examples=40)
def test_report_agrees_with_scikit_learn(matrices):
    truth, predicted = matrices
    labels = [f"label{column}" for column in range(truth.shape[1])]
    report = multilabel_report(truth, predicted, predicted.astype(float), labels)
    # A zero column more keeps scikit-learn from reading a single column as a problem of two classes.
    wide = [np.column_stack([matrix, np.zeros(len(matrix), dtype=np.int8)]) for matrix in (truth, predicted)]
    theirs = precision_recall_fscore_support(*wide, average=None, zero_division=0)
    for column, label in enumerate(labels):
        ours = [report.labels[label][name] for name in ("precision", "recall", "f1", "support")]
        assert ours == pytest.approx([values[column] for values in theirs])
    micro = precision_recall_fscore_support(*wide, average="micro", zero_division=0)[:3]
    assert [report.overall[f"micro_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(micro)


@given(MATRICES)
@settings(deadline=None, max_examples=100)
def test_macro_f1_is_the_mean_over_labels_also_of_a_single_one(matrices):
    truth, predicted = matrices
    columns = zip(truth.T, predicted.T, strict=True)
    expected = np.mean([f1_score(true, given, zero_division=0) for true, given in columns])
    assert macro_f1(truth, predicted) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=50)
def test_average_precision_is_scikit_learns(pairs):
    truth, probabilities = np.array([t for t, _ in pairs], dtype=np.int8), np.array([p for _, p in pairs])
    expected = average_precision_score(truth, probabilities) if truth.any() else 0
    assert average_precision(truth, probabilities) == pytest.approx(expected)


def test_calibration_error_weighs_bins_by_their_size():
    # Three sentences in [0.2, 0.3): 0.25 against 1/3. One in [0.9, 1]: 0.95 against 0.
    probabilities, truth = np.array([0.25, 0.25, 0.25, 0.95]), np.array([1, 0, 0, 0], dtype=np.int8)
    assert calibration_error(truth, probabilities) == pytest.approx(3 / 4 * (1 / 3 - 0.25) + 1 / 4 * 0.95)


def test_certainty_that_is_right_is_calibrated():
    assert calibration_error(np.array([1, 0, 1], dtype=np.int8), np.array([1.0, 0.0, 1.0])) == 0


def test_certainty_that_is_wrong_has_the_largest_calibration_error():
    assert calibration_error(np.array([0, 1], dtype=np.int8), np.array([1.0, 0.0])) == 1


def test_bootstrap_draws_whole_articles():
    articles = ["a", "b", "a", "c", "c", "c"]
    drawn = []
    bootstrap_interval(articles, lambda rows: drawn.append(sorted(rows.tolist())) or 0.0, seed=1, rounds=50)
    for rows in drawn:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[1] + counts[3] == 3  # as many articles as there are
    assert len({tuple(rows) for rows in drawn}) > 5


def test_bootstrap_of_a_single_article_has_no_width():
    values = np.array([0.0, 1.0, 1.0, 0.0])
    assert bootstrap_interval(["a"] * 4, lambda rows: float(values[rows].mean()), seed=1, rounds=20) == (0.5, 0.5)


def test_bootstrap_is_wider_where_sentences_of_an_article_agree():
    """50 articles of 20 equal sentences say as much as 50 sentences, not as 1,000."""
    value = np.random.default_rng(0).random(50) < 0.5
    values, articles = np.repeat(value, 20), np.repeat([f"article{number}" for number in range(50)], 20)

    def width(groups) -> float:
        low, high = bootstrap_interval(groups, lambda rows: float(values[rows].mean()), seed=1, rounds=300)
        return high - low

    assert width(articles) > 3 * width([f"sentence{number}" for number in range(1000)])


def test_bootstrap_repeats_itself_with_its_seed():
    values, articles = np.random.default_rng(0).random(30), [str(number // 3) for number in range(30)]

    def interval(seed: int) -> tuple[float, float]:
        return bootstrap_interval(articles, lambda rows: float(values[rows].mean()), seed, rounds=100)

    assert interval(1) == interval(1) != interval(2)
