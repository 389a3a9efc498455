"""Measure a model, and what it has to beat, on the same sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.training.evaluate_module import MultilabelReport
from pipeline.training.metrics import Floats, Report, Truth, bootstrap_interval, macro_f1


@dataclass(frozen=True)
class Predictions:
    """What one contender says of the test sentences.

    Attributes:
        probabilities: shape ``(sentences, labels)``.
        predicted: shape ``(sentences, labels)``, 0 or 1.
    """

    probabilities: Floats
    predicted: Truth

    @classmethod
    def at(cls, thresholds: Sequence[float], probabilities: Floats) -> "Predictions":
        """Give each label from its threshold on."""
        return cls(probabilities, (probabilities >= np.array(thresholds)).astype(np.int8))

    def of(self, rows: Sequence[int]) -> "Predictions":
        """Return what it says of some of the sentences."""
        return Predictions(self.probabilities[rows], self.predicted[rows])


def rows_by_part(parts: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of all test sentences, as ``test``, and of those of each part, as ``test_PART``."""
    rows = {"test": list(range(len(parts)))}
    return rows | {
        f"test_{part}": [row for row, given in enumerate(parts) if given == part] for part in sorted({*parts})
    }


def report_with_intervals(
    predictions: Predictions, truth: Truth, articles: Sequence[str], labels: Sequence[str], seed: int
) -> Report:
    """Return the full report of one contender, with the bounds of 95 % bootstrap intervals of F1 over articles."""
    measured = MultilabelReport(labels).compute(
        predictions=predictions.predicted, probabilities=predictions.probabilities, references=truth
    )
    report = Report(**measured)

    def interval(columns: list[int]) -> tuple[float, float]:
        true, predicted = truth[:, columns], predictions.predicted[:, columns]
        return bootstrap_interval(articles, lambda rows: macro_f1(true[rows], predicted[rows]), seed)

    for column, label in enumerate(labels):
        scores = report.labels[label]
        scores["f1_low"], scores["f1_high"] = interval([column])
    report.overall["macro_f1_low"], report.overall["macro_f1_high"] = interval(list(range(len(labels))))
    return report


def confusion_of_label_sets(truth: Truth, predicted: Truth) -> Floats:
    """Return which labels are given to sentences that carry which: shape ``(labels + 1, labels + 1)``, rows are the truth.

    Cell ``(i, j)`` is the share of sentences with label ``i`` that were given label ``j``. The last row stands for sentences
    without a label, the last column for being given none. Rows do not add up to 1: a sentence may have several labels.
    """
    true = np.column_stack([truth, truth.sum(axis=1) == 0]).astype(np.float64)
    given = np.column_stack([predicted, predicted.sum(axis=1) == 0]).astype(np.float64)
    together: Floats = true.T @ given / np.maximum(true.sum(axis=0), 1)[:, None]
    return together


def errors_worst_first(truth: Truth, predictions: Predictions) -> list[int]:
    """Return the positions of wrongly labelled sentences, by how sure the model was of what is wrong."""
    wrong = truth != predictions.predicted
    surprise = np.where(wrong, np.abs(truth - predictions.probabilities), 0).max(axis=1)
    return [int(row) for row in np.argsort(-surprise, kind="stable") if wrong[row].any()]
