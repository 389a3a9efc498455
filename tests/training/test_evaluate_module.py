"""The ``evaluate`` module says what the plain functions say, and asks nobody."""

import socket

import numpy as np

from pipeline.training.evaluate_module import MultilabelReport
from pipeline.training.metrics import multilabel_report

TRUTH = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8)
PROBABILITIES = np.array([[0.9, 0.2], [0.4, 0.8], [0.6, 0.3], [0.1, 0.1]])
THRESHOLDS = [0.5, 0.25]


def test_it_computes_what_the_plain_functions_compute(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    computed = MultilabelReport(["a", "b"]).compute(predictions=PROBABILITIES, references=TRUTH, thresholds=THRESHOLDS)
    predicted = (PROBABILITIES >= THRESHOLDS).astype(np.int8)
    assert computed == multilabel_report(TRUTH, predicted, PROBABILITIES, ["a", "b"]).flat()


def test_batches_add_up():
    report = MultilabelReport(["a", "b"])
    for row in range(4):
        report.add_batch(predictions=PROBABILITIES[row : row + 1], references=TRUTH[row : row + 1])
    whole = MultilabelReport(["a", "b"]).compute(predictions=PROBABILITIES, references=TRUTH, thresholds=THRESHOLDS)
    assert report.compute(thresholds=THRESHOLDS) == whole
