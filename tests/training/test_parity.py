"""int8 becomes the default where it is as good as fp32, and nowhere else."""

import numpy as np
import pytest
from made_corpus import ARTICLES, sentences

from pipeline.classifier.checkpoint import Parity
from pipeline.classifier.predict import Classifier
from pipeline.training.metrics import macro_f1
from pipeline.training.parity import Bounds, choose_precision, measure_parity

BOUNDS = Bounds(f1_loss=0.003, agreement=0.995)
ROWS = [row for number in range(ARTICLES) for row in sentences(number)]
TEXTS = [text for text, _ in ROWS]


def parity(fp32: float, int8: float, agreement: float) -> Parity:
    return Parity(
        sentences=1000,
        agreement=agreement,
        flips={"appeal": 3},
        logit_difference=0.1,
        probability_difference=0.02,
        f1={"fp32": {"macro": fp32}, "int8": {"macro": int8}},
    )


@pytest.mark.parametrize(
    ("fp32", "int8", "agreement", "expected"),
    [
        (0.85, 0.85, 1.0, "int8"),
        (0.85, 0.848, 0.995, "int8"),
        (0.85, 0.846, 1.0, "fp32"),
        (0.85, 0.86, 0.994, "fp32"),
    ],
)
def test_both_bounds_must_hold(fp32, int8, agreement, expected):
    assert choose_precision(parity(fp32, int8, agreement), BOUNDS)[0] == expected


def test_the_reason_gives_the_figures_and_the_bounds():
    _, reason = choose_precision(parity(0.85, 0.8475, 0.9961), BOUNDS)
    assert reason == (
        "On 1000 validation sentences int8 makes 99.61% of the label decisions of fp32 (needed: 99.50%) "
        "and its macro-F1 falls by 0.0025 (allowed: 0.003)."
    )
    assert "macro-F1 does not fall" in choose_precision(parity(0.85, 0.86, 1), BOUNDS)[1]


def test_the_report_is_what_two_classifiers_say(checkpoint):
    one, other = Classifier(checkpoint, "fp32"), Classifier(checkpoint, "int8")
    names, thresholds = one.manifest.names, list(one.manifest.thresholds.values())
    truth = np.array([[name in labels for name in names] for _, labels in ROWS], dtype=np.int8)
    report = measure_parity(checkpoint, TEXTS, truth, names, thresholds, one.manifest.max_length)
    ours, theirs = one.score(TEXTS), other.score(TEXTS)
    flips = [set(a) ^ set(b) for a, b in zip(one.labels(ours), other.labels(theirs), strict=True)]
    assert report.flips == {name: sum(name in flipped for flipped in flips) for name in names}
    assert report.agreement == pytest.approx(1 - sum(map(len, flips)) / truth.size)
    assert report.probability_difference == pytest.approx(np.abs(ours.probabilities - theirs.probabilities).max())
    assert report.logit_difference > report.probability_difference > 0
    marked = np.array([[name in labels for name in names] for labels in other.labels(theirs)], dtype=np.int8)
    assert report.f1["int8"]["macro"] == pytest.approx(macro_f1(truth, marked))
    assert set(report.f1["fp32"]) == {*names, "macro"}


def test_the_exported_default_keeps_its_promise(checkpoint):
    manifest = Classifier(checkpoint).manifest
    assert choose_precision(manifest.parity, BOUNDS) == (manifest.precision, manifest.precision_reason)
