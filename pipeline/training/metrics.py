"""Multi-label metrics, as plain functions of arrays."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

Floats = NDArray[np.float64]
Truth = NDArray[np.int8]
Report = dict[str, float | dict[str, float]]


def multilabel_report(truth: Truth, predicted: Truth, probabilities: Floats, labels: Sequence[str]) -> Report:
    """Return precision, recall, F1, average precision and support per label, micro and macro averages, and exact match.

    Args:
        truth, predicted: shape ``(sentences, labels)``, 0 or 1.
        probabilities: shape ``(sentences, labels)``, in [0, 1].
    """
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, average=None, zero_division=0)
    report: Report = {}
    for column, label in enumerate(labels):
        report[label] = {
            "precision": float(precision[column]),
            "recall": float(recall[column]),
            "f1": float(f1[column]),
            "average_precision": average_precision(truth[:, column], probabilities[:, column]),
            "calibration_error": calibration_error(truth[:, column], probabilities[:, column]),
            "support": int(support[column]),
        }
    for average in ("micro", "macro"):
        values = precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        report[f"{average}_precision"], report[f"{average}_recall"], report[f"{average}_f1"] = (
            float(value) for value in values[:3]
        )
    report["exact_match"] = float((truth == predicted).all(axis=1).mean())
    report["calibration_error"] = float(np.mean([report[label]["calibration_error"] for label in labels]))  # type: ignore[index]
    return report


def macro_f1(truth: Truth, predicted: Truth) -> float:
    return float(f1_score(truth, predicted, average="macro", zero_division=0))


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
