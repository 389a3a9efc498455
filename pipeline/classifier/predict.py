"""Sentences to labels: the one way that everything on an exported checkpoint goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier import runtime
from pipeline.classifier.checkpoint import GRAPHS, TOKENIZER, Manifest, Precision, open_checkpoint
from pipeline.classifier.tokens import Encoded, encode, load_tokenizer
from pipeline.errors import InputError

Device = Literal["cpu", "cuda"]


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
        precision: of the computation; the checkpoint's default unless told.
        threads: of the runtime. Processes of one thread each do more than one process of many threads.

    Attributes:
        manifest: of the checkpoint.
        thresholds: shape ``(labels,)``.
        precision: what is computed in.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """

    def __init__(self, folder: Path, precision: Precision | None = None, threads: int = 1) -> None:
        self.manifest: Manifest = open_checkpoint(folder)
        self.thresholds = np.array(list(self.manifest.thresholds.values()), dtype=np.float32)
        self.precision: Precision = precision or self.manifest.precision
        try:
            self._tokenizer = load_tokenizer(folder / TOKENIZER)
            self._session = runtime.open_graph(folder / GRAPHS[self.precision], threads)
        except Exception as error:  # onnxruntime and tokenizers raise bare exceptions of their own
            raise InputError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Split sentences into word pieces."""
        return encode(texts, self._tokenizer, self.manifest.max_length)

    def score_encoded(self, encoded: Encoded) -> Scores:
        """Return the probability of every label for every sentence.

        Sentences are sorted by length, so that they are best given some thousands at a time; identical ones are
        computed once.
        """
        places: dict[bytes, int] = {}
        chosen = [places.setdefault(ids.tobytes(), len(places)) for ids in encoded.ids]
        unique = Encoded([np.frombuffer(ids, dtype=np.int64) for ids in places], [False] * len(places))
        logits = runtime.logits_of(self._session, unique, len(self.manifest.labels))
        return Scores(
            probabilities_of(logits)[np.array(chosen, dtype=np.int64)], np.array(encoded.truncated, dtype=bool)
        )

    def score(self, texts: Sequence[str]) -> Scores:
        """Return the probability of every label for every sentence; see :meth:`score_encoded`."""
        return self.score_encoded(self.encode(texts))

    def labels(self, scores: Scores) -> list[list[str]]:
        """Return the labels of every sentence, in column order."""
        marked = scores.probabilities >= self.thresholds
        return [[name for name, carries in zip(self.manifest.names, row, strict=True) if carries] for row in marked]


def probabilities_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sigmoid of every logit."""
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and its reciprocal 0
        return np.reciprocal(1 + np.exp(-logits))
