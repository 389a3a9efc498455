"""Calibration recovers what made the data; thresholds follow the trade-off, not the noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from pipeline.training.decision import GRID, Decision, best_threshold, choose, platt


def sample(slope: float, intercept: float, size: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and truth with the probability ``sigmoid(slope * logit + intercept)``."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, size)
    return logits, (generator.random(size) < expit(slope * logits + intercept)).astype(np.int8)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (2.0, -1.0), (0.4, 1.5)])
def test_platt_recovers_the_calibration_that_made_the_data(slope, intercept):
    # The standard error of the fit is about 0.03 with so many sentences.
    assert platt(*sample(slope, intercept)) == pytest.approx((slope, intercept), abs=0.1)


def test_platt_never_turns_the_order_of_sentences_round():
    logits, truth = sample(1.0, 0.0, 200)
    slope, _ = platt(-logits, truth)
    assert slope > 0


@pytest.mark.parametrize("value", [0, 1])
def test_platt_keeps_short_of_certainty_where_all_sentences_agree(value):
    truth = np.full(10, value, dtype=np.int8)
    slope, intercept = platt(np.linspace(-2, 2, 10), truth)
    # Platt's smoothed target for 10 of 10 sentences is 11/12.
    assert expit(slope * 0 + intercept) == pytest.approx(11 / 12 if value else 1 / 12, abs=0.02)


def test_probabilities_apply_each_labels_own_calibration():
    decision = Decision(slopes=[1.0, 2.0], intercepts=[0.0, -1.0], thresholds=[0.5, 0.5])
    assert decision.probabilities(np.array([[0.0, 0.5], [1.0, 1.0]])) == pytest.approx(
        np.array([[0.5, 0.5], [expit(1.0), expit(1.0)]])
    )


def test_best_threshold_separates_what_can_be_separated():
    probabilities = np.concatenate([np.linspace(0.0, 0.3, 50), np.linspace(0.7, 1.0, 50)])
    truth = np.repeat([0, 1], 50).astype(np.int8)
    assert 0.3 < best_threshold(probabilities, truth, seed=1) <= 0.7


def test_best_threshold_of_a_rare_label_lies_below_one_half():
    """With calibrated probabilities, the best F1 is reached at half of that F1 (Lipton et al. 2014)."""
    generator = np.random.default_rng(0)
    probabilities = generator.beta(0.5, 4.5, 5000)
    truth = (generator.random(5000) < probabilities).astype(np.int8)
    f1 = [2 * (truth[probabilities >= t]).sum() / ((probabilities >= t).sum() + truth.sum()) for t in GRID]
    assert best_threshold(probabilities, truth, seed=1) == pytest.approx(max(f1) / 2, abs=0.05)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=30))
@settings(deadline=None, max_examples=30)
def test_best_threshold_is_one_of_the_grid(pairs):
    probabilities, truth = np.array([p for p, _ in pairs]), np.array([t for _, t in pairs], dtype=np.int8)
    assert best_threshold(probabilities, truth, seed=1, rounds=20) in GRID


def test_choose_treats_each_label_alone_and_repeats_itself():
    logits, truth = sample(2.0, -1.0, 500)
    noise, coin = sample(0.01, 0.0, 500)
    both = choose(np.column_stack([logits, noise]), np.column_stack([truth, coin]), seed=1)
    alone = choose(logits[:, None], truth[:, None], seed=1)
    assert (both.slopes[0], both.intercepts[0], both.thresholds[0]) == (
        alone.slopes[0],
        alone.intercepts[0],
        alone.thresholds[0],
    )
    assert both.slopes[1] < 0.2 < both.slopes[0]
    assert choose(logits[:, None], truth[:, None], seed=1) == alone
