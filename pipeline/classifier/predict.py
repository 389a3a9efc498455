"""Sentences to labels: the one way that everything on an exported checkpoint goes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.classifier.checkpoint import GRAPH, TOKENIZER, Manifest, open_checkpoint
from pipeline.classifier.tokens import batches, encode, load_tokenizer
from pipeline.errors import InputError


@dataclass(frozen=True)
class Scores:
    """What the model says of some sentences, in their order.

    Attributes:
        probabilities: shape ``(sentences, labels)``, float32, calibrated.
        truncated: shape ``(sentences,)``, bool: longer than the model's limit.
    """

    probabilities: NDArray[np.float32]
    truncated: NDArray[np.bool_]


class Classifier:
    """A checkpoint, opened and ready.

    Args:
        folder: an exported checkpoint.
        threads: of the runtime; all usable cores unless told.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.manifest: Manifest = open_checkpoint(folder)
        self.thresholds = np.array(list(self.manifest.thresholds.values()), dtype=np.float32)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cpus()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = load_tokenizer(folder / TOKENIZER)
        except Exception as error:  # onnxruntime and tokenizers raise bare exceptions of their own
            raise InputError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error
        self._padding = self._tokenizer.token_to_id("[PAD]") or 0

    def score(self, texts: Sequence[str]) -> Scores:
        """Return the probability of every label for every sentence. Identical sentences are computed once."""
        unique = list(dict.fromkeys(texts))
        place = {text: number for number, text in enumerate(unique)}
        encoded = encode(unique, self._tokenizer, self.manifest.max_length)
        logits = np.zeros((len(unique), len(self.manifest.labels)), dtype=np.float32)
        for batch in batches(encoded.ids, self._padding):
            feed = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
            (logits[batch.rows],) = self._session.run(["logits"], feed)
        chosen = np.array([place[text] for text in texts], dtype=np.int64)
        probabilities = np.reciprocal(1 + np.exp(-logits))
        return Scores(probabilities[chosen], np.array(encoded.truncated, dtype=bool)[chosen])

    def labels(self, scores: Scores) -> list[list[str]]:
        """Return the labels of every sentence, in column order."""
        marked = scores.probabilities >= self.thresholds
        return [[name for name, carries in zip(self.manifest.names, row, strict=True) if carries] for row in marked]


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
