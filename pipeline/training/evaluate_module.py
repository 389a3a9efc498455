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
    """``MultilabelReport(labels).compute(predictions=probabilities, references=truth, thresholds=thresholds)``.

    ``predictions`` and ``references`` have one row per sentence and one column per label; see
    :func:`pipeline.training.metrics.multilabel_report` for what comes back.
    """

    def __init__(self, labels: Sequence[str], **options: Any) -> None:
        self.labels = list(labels)
        super().__init__(keep_in_memory=True, **options)

    def _info(self) -> evaluate.MetricInfo:
        row = datasets.Sequence(datasets.Value("float64"))
        return evaluate.MetricInfo(
            description="Precision, recall, F1, average precision and calibration error per label, averages, exact match.",
            citation="",
            inputs_description="Probabilities and 0/1 references, one column per label.",
            features=datasets.Features({"predictions": row, "references": row}),
        )

    def _compute(self, predictions: Any, references: Any, thresholds: Sequence[float]) -> dict[str, Any]:
        probabilities = np.asarray(predictions, dtype=np.float64)
        truth = np.asarray(references, dtype=np.int8)
        predicted = (probabilities >= np.asarray(thresholds)).astype(np.int8)
        return multilabel_report(truth, predicted, probabilities, self.labels).flat()
