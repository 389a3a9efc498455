"""The metrics as an ``evaluate`` module of our own: it needs no hub.

``evaluate.load("f1")`` downloads code; this class is instantiated directly.
"""

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from pipeline.training.metrics import multilabel_report


class MultilabelReport(evaluate.Metric):  # type: ignore[misc] # evaluate brings no types
    """``MultilabelReport(labels).compute(predictions=predicted, probabilities=probabilities, references=truth)``.

    Each has one row per sentence and one column per label; ``predictions`` and ``references`` are 0 or 1. What comes back are
    the fields of :class:`pipeline.training.metrics.Report`.
    """

    def __init__(self, labels: Sequence[str], **options: Any) -> None:
        self.labels = list(labels)
        super().__init__(keep_in_memory=True, **options)

    def _info(self) -> evaluate.MetricInfo:
        marks, shares = (datasets.Sequence(datasets.Value(kind)) for kind in ("int8", "float64"))
        return evaluate.MetricInfo(
            description="Precision, recall, F1, average precision and calibration error per label, averages, exact match.",
            citation="",
            inputs_description="0/1 predictions, their probabilities, and 0/1 references, one column per label.",
            features=datasets.Features({"predictions": marks, "probabilities": shares, "references": marks}),
        )

    def _compute(self, predictions: Any, probabilities: Any, references: Any) -> dict[str, Any]:
        predicted, truth = (np.asarray(marks, dtype=np.int8) for marks in (predictions, references))
        return vars(multilabel_report(truth, predicted, np.asarray(probabilities, dtype=np.float64), self.labels))
