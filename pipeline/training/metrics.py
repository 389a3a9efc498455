"""Multi-label metrics, as plain functions of arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

Floats = NDArray[np.float64]
Truth = NDArray[np.int8]
Scores = dict[str, float]


@dataclass(frozen=True)
class Report:
    """What was measured of one contender.

    Attributes:
        labels: per label, in column order: ``precision``, ``recall``, ``f1``, ``average_precision``,
            ``calibration_error`` and ``support``.
        overall: ``micro_`` and ``macro_`` ``precision``, ``recall`` and ``f1``, ``exact_match``, and the mean
            ``calibration_error``.
    """

    labels: dict[str, Scores]
    overall: Scores

    def flat(self) -> dict[str, Scores | float]:
        """Return the labels and the overall figures side by side, as ``metrics.json`` has them."""
        return {**self.labels, **self.overall}


def multilabel_report(truth: Truth, predicted: Truth, probabilities: Floats, labels: Sequence[str]) -> Report:
    """Measure 0/1 predictions and their probabilities; what is undefined for want of sentences counts as 0.

    Args:
        truth, predicted: shape ``(sentences, labels)``, 0 or 1.
        probabilities: shape ``(sentences, labels)``, in [0, 1].
    """
    per_label: dict[str, Scores] = {}
    for column, label in enumerate(labels):
        per_label[label] = {
            **precision_recall_f1(truth[:, column], predicted[:, column]),
            "average_precision": average_precision(truth[:, column], probabilities[:, column]),
            "calibration_error": calibration_error(truth[:, column], probabilities[:, column]),
            "support": int(truth[:, column].sum()),
        }

    def mean(name: str) -> float:
        return float(np.mean([scores[name] for scores in per_label.values()]))

    # Micro averages pool the decisions on all labels.
    micro = precision_recall_f1(truth.ravel(), predicted.ravel())
    overall = {f"micro_{name}": value for name, value in micro.items()}
    overall |= {f"macro_{name}": mean(name) for name in micro}
    overall["exact_match"] = float((truth == predicted).all(axis=1).mean())
    overall["calibration_error"] = mean("calibration_error")
    return Report(per_label, overall)


def precision_recall_f1(truth: NDArray[np.int8], predicted: NDArray[np.int8]) -> Scores:
    """Measure decisions on one label. Shape ``(decisions,)`` each, 0 or 1."""
    values = precision_recall_fscore_support(truth, predicted, average="binary", zero_division=0)
    return dict(zip(("precision", "recall", "f1"), map(float, values[:3]), strict=True))


def macro_f1(truth: Truth, predicted: Truth) -> float:
    """Return the mean F1 of the columns, as in :func:`multilabel_report` but quick enough for thousands of resamples.

    Also for a single column, where scikit-learn's ``macro`` would average over "has the label" and "has it not".
    """
    hits = (truth & predicted).sum(axis=0)
    return float(np.mean(2 * hits / np.maximum(truth.sum(axis=0) + predicted.sum(axis=0), 1)))


def average_precision(truth: NDArray[np.int8], probabilities: Floats) -> float:
    """Return the area under the precision-recall curve; 0 where no sentence has the label."""
    return float(average_precision_score(truth, probabilities)) if truth.any() else 0.0


def calibration_error(truth: NDArray[np.int8], probabilities: Floats, bins: int = 10) -> float:
    """Return the expected calibration error over ``bins`` bins of equal width (Guo et al. 2017)."""
    member = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = member == number
        if inside.any():
            error += inside.mean() * abs(truth[inside].mean() - probabilities[inside].mean())
    return float(error)


def bootstrap_interval(
    articles: Sequence[str], statistic: Callable[[NDArray[np.int64]], float], seed: int, rounds: int = 1000
) -> tuple[float, float]:
    """Return the 95 % percentile interval of ``statistic`` under resampling of whole articles.

    Sentences of one article are no independent draws, so articles are resampled, not sentences.

    Args:
        articles: the article of each sentence.
        statistic: a function of sentence positions, with repetitions.
    """
    names, member = np.unique(np.asarray(articles), return_inverse=True)
    positions = [np.flatnonzero(member == number) for number in range(len(names))]
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(rounds):
        drawn = generator.integers(len(names), size=len(names))
        values.append(statistic(np.concatenate([positions[number] for number in drawn])))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
