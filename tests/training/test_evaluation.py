"""What is said of a model's mistakes, and how far its figures can be trusted."""

import numpy as np
import pytest

from pipeline.training.evaluation import (
    Predictions,
    confusion_of_label_sets,
    errors_worst_first,
    report_with_intervals,
    rows_by_part,
)


def test_a_label_is_predicted_from_its_threshold_on():
    predictions = Predictions.at([0.5, 0.3], np.array([[0.5, 0.3], [0.49, 0.29]]))
    assert predictions.predicted.tolist() == [[1, 1], [0, 0]]


def test_errors_come_surest_mistake_first_and_right_sentences_not_at_all():
    truth = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.int8)
    probabilities = np.array([[0.6, 0.1], [0.9, 0.2], [0.05, 0.9], [0.1, 0.3]])
    # Sentence 0 is wrong by 0.6, 2 by 0.95, 3 by 0.7; 1 is right.
    assert errors_worst_first(truth, Predictions.at([0.5, 0.5], probabilities)) == [2, 3, 0]


def test_doubt_about_a_right_label_does_not_count_as_surprise():
    truth = np.array([[1, 0], [1, 0]], dtype=np.int8)
    # Sentence 0 is hesitant about its right label (0.31) and slightly wrong about the other.
    predictions = Predictions.at([0.3, 0.5], np.array([[0.31, 0.51], [0.9, 0.6]]))
    assert errors_worst_first(truth, predictions) == [1, 0]


def test_confusion_gives_shares_of_the_sentences_that_carry_each_label():
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], dtype=np.int8)
    predicted = np.array([[1, 0], [0, 1], [0, 0], [0, 1]], dtype=np.int8)
    assert confusion_of_label_sets(truth, predicted).tolist() == [
        [0.5, 0.5, 0.0],  # two sentences carry a: one was given a, the other b
        [0.0, 1.0, 0.0],  # one carries b, and was given it
        [0.0, 0.5, 0.5],  # two carry none: one was given b, the other none
    ]


def test_confusion_of_a_label_that_nobody_carries_is_zero():
    truth = np.zeros((2, 1), dtype=np.int8)
    assert confusion_of_label_sets(truth, truth).tolist() == [[0.0, 0.0], [0.0, 1.0]]


@pytest.fixture(scope="module")
def noisy():
    """200 sentences of 40 articles, predicted right three times out of four."""
    generator = np.random.default_rng(0)
    truth = (generator.random((200, 2)) < 0.4).astype(np.int8)
    predicted = np.where(generator.random((200, 2)) < 0.75, truth, 1 - truth).astype(np.int8)
    articles = [f"article{number // 5}" for number in range(200)]
    return truth, Predictions(predicted.astype(float), predicted), articles


def test_intervals_surround_the_figure_that_they_belong_to(noisy):
    truth, predictions, articles = noisy
    report = report_with_intervals(predictions, truth, articles, ["a", "b"], seed=1)
    for scores in report.labels.values():
        assert scores["f1_low"] < scores["f1"] < scores["f1_high"]
        assert scores["f1_high"] - scores["f1_low"] < 0.3
    assert report.overall["macro_f1_low"] < report.overall["macro_f1"] < report.overall["macro_f1_high"]


def test_the_interval_of_a_label_depends_on_that_label_alone(noisy):
    truth, predictions, articles = noisy
    both = report_with_intervals(predictions, truth, articles, ["a", "b"], seed=1)
    first = Predictions(predictions.probabilities[:, :1], predictions.predicted[:, :1])
    alone = report_with_intervals(first, truth[:, :1], articles, ["a"], seed=1)
    assert both.labels["a"] == alone.labels["a"]


def test_the_report_of_some_sentences_is_that_of_a_model_that_saw_no_others(noisy):
    truth, predictions, articles = noisy
    rows = list(range(50, 120))
    part = report_with_intervals(predictions.of(rows), truth[rows], articles[50:120], ["a", "b"], seed=1)
    alone = Predictions(predictions.probabilities[50:120], predictions.predicted[50:120])
    assert part == report_with_intervals(alone, truth[50:120], articles[50:120], ["a", "b"], seed=1)
    assert part.labels["a"]["support"] == truth[50:120, 0].sum()


def test_rows_are_told_apart_by_part():
    assert rows_by_part(["random", "cells", "random"]) == {"test": [0, 1, 2], "test_cells": [1], "test_random": [0, 2]}
    assert rows_by_part(["random"]) == {"test": [0], "test_random": [0]}
