"""From logits to labels: probabilities calibrated, and thresholds chosen, on validation sentences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.training.metrics import Floats, Truth

GRID = np.linspace(0.05, 0.95, 91)


@dataclass(frozen=True)
class Decision:
    """How logits become labels, one entry per label in column order.

    Attributes:
        slopes, intercepts: the calibrated probability is ``sigmoid(slope * logit + intercept)``.
        thresholds: a sentence carries the label from this probability on.
    """

    slopes: list[float]
    intercepts: list[float]
    thresholds: list[float]

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrate logits. Shape ``(sentences, labels)`` in and out."""
        return np.asarray(expit(logits * np.array(self.slopes) + np.array(self.intercepts)))


def choose(logits: Floats, truth: Truth, seed: int) -> Decision:
    """Calibrate each label and choose its threshold.

    Args:
        logits: shape ``(sentences, labels)``, of sentences that the model was not trained on.
        truth: the same shape, 0 or 1.
    """
    fitted = [platt(logits[:, column], truth[:, column]) for column in range(truth.shape[1])]
    slopes, intercepts = [slope for slope, _ in fitted], [intercept for _, intercept in fitted]
    probabilities = expit(logits * np.array(slopes) + np.array(intercepts))
    thresholds = [best_threshold(probabilities[:, column], truth[:, column], seed) for column in range(truth.shape[1])]
    return Decision(slopes, intercepts, thresholds)


def platt(logits: Floats, truth: NDArray[np.int8]) -> tuple[float, float]:
    """Fit ``sigmoid(slope * logit + intercept)`` to ``truth`` with the smoothed targets of Platt (1999); the slope stays positive."""
    positives = int(truth.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2)
    target = np.where(truth == 1, high, low)

    def loss(parameters: Floats) -> float:
        score = np.exp(parameters[0]) * logits + parameters[1]
        return float(np.mean(np.logaddexp(0, score) - target * score))

    result = minimize(loss, np.zeros(2), method="BFGS")
    return float(np.exp(result.x[0])), float(result.x[1])


def best_threshold(probabilities: Floats, truth: NDArray[np.int8], seed: int, rounds: int = 200) -> float:
    """Return the threshold with the best F1, averaged over bootstrap samples.

    The threshold that is best on one small sample overfits it; the best on average over resamples is steadier.
    """
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=rounds)  # (rounds, sentences)
    marked = probabilities[:, None] >= GRID  # (sentences, thresholds)
    hits = weights @ (marked & (truth == 1)[:, None])
    claimed, actual = weights @ marked, (weights @ truth)[:, None]
    f1 = 2 * hits / np.maximum(claimed + actual, 1)
    return float(GRID[f1.mean(axis=0).argmax()])
