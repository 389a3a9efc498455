"""Sentences to labels: the one way that everything on an exported checkpoint goes."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier import runtime
from pipeline.classifier.checkpoint import GRAPHS, TOKENIZER, Device, Manifest, Precision, open_checkpoint
from pipeline.classifier.pieces import Encoded, SentenceTokenizer
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
        precision: of the computation on a CPU; the checkpoint's default unless told. A GPU computes in bf16.
        threads: on a CPU. Processes of one thread each do more than one process of many.
        device: ``cuda`` needs torch and transformers.
        manifest: of the checkpoint, if it has just been verified; it takes a while.

    Attributes:
        manifest: of the checkpoint.
        thresholds: shape ``(labels,)``.
        precision: what is computed in: with the manifest's version it fixes all results.

    Raises:
        InputError: the checkpoint is missing, damaged or not that of ``manifest`` any more, or the device cannot be had.
    """

    def __init__(
        self,
        folder: Path,
        precision: Precision | None = None,
        threads: int = 1,
        device: Device = "cpu",
        manifest: Manifest | None = None,
    ) -> None:
        self.manifest = manifest or open_checkpoint(folder)
        self.thresholds = np.array(list(self.manifest.thresholds.values()), dtype=np.float32)
        self.precision: Literal["fp32", "int8", "bf16"]
        self._logits_of: Callable[[Encoded], NDArray[np.float32]]
        labels = len(self.manifest.labels)
        try:
            self._tokenizer = SentenceTokenizer(folder / TOKENIZER, self.manifest.max_length)
            if device == "cpu":
                self.precision = precision or self.manifest.precision
                session = runtime.open_graph(folder / GRAPHS[self.precision], threads)
                self._logits_of = lambda encoded: runtime.logits_of(session, encoded, labels)
            else:
                from pipeline.classifier import gpu  # torch, which nobody else should wait for

                self.precision = "bf16"
                model = gpu.open_model(folder, device)
                self._logits_of = lambda encoded: gpu.logits_of(model, encoded, labels)
        except ImportError as error:
            raise InputError(
                f"device {device} needs {error.name}; install it with: pip install 'netral[train]'"
            ) from None
        except Exception as error:  # onnxruntime, tokenizers and torch raise bare exceptions of their own
            raise InputError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from error
        # Files are opened one after the other, and the folder may have been renamed in between.
        if open_checkpoint(folder, used=()).version != self.manifest.version:
            raise InputError(f"{folder}: was replaced while it was being loaded; try again")
        if threads == 1:
            # Read by tokenizers at every call. Its threads would be those of other processes.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Split sentences into word pieces."""
        return self._tokenizer.encode(texts)

    def score_encoded(self, encoded: Encoded) -> Scores:
        """Return the probability of every label for every sentence.

        Sentences are sorted by length, so that they are best given some thousands at a time; identical ones are
        computed once.
        """
        places: dict[bytes, int] = {}
        chosen = [places.setdefault(ids.tobytes(), len(places)) for ids in encoded.ids]
        unique = Encoded([np.frombuffer(ids, dtype=np.int64) for ids in places], [False] * len(places))
        probabilities = probabilities_of(self._logits_of(unique))
        return Scores(probabilities[np.array(chosen, dtype=np.int64)], np.array(encoded.truncated, dtype=bool))

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
        probabilities: NDArray[np.float32] = np.reciprocal(1 + np.exp(-logits))
    return probabilities
