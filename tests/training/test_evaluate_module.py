"""The ``evaluate`` module says what the plain functions say, and asks nobody."""

import socket

import numpy as np

from pipeline.training.evaluate_module import MultilabelReport
from pipeline.training.metrics import Report, multilabel_report

TRUTH = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8)
PROBABILITIES = np.array([[0.9, 0.2], [0.4, 0.8], [0.6, 0.3], [0.1, 0.1]])
PREDICTED = (PROBABILITIES >= [0.5, 0.25]).astype(np.int8)
INPUTS = {"predictions": PREDICTED, "probabilities": PROBABILITIES, "references": TRUTH}


def test_it_computes_what_the_plain_functions_compute(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert Report(**MultilabelReport(["a", "b"]).compute(**INPUTS)) == multilabel_report(
        TRUTH, PREDICTED, PROBABILITIES, ["a", "b"]
    )


def test_batches_add_up():
    report = MultilabelReport(["a", "b"])
    for row in range(4):
        report.add_batch(**{name: values[row : row + 1] for name, values in INPUTS.items()})
    assert report.compute() == MultilabelReport(["a", "b"]).compute(**INPUTS)
