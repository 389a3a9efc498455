"""Is int8 as good as fp32? Both graphs on the validation split, in the runtime that users have."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.classifier.checkpoint import GRAPHS, TOKENIZER, Parity, Precision
from pipeline.classifier.pieces import SentenceTokenizer
from pipeline.classifier.predict import probabilities_of
from pipeline.classifier.runtime import logits_of, open_graph
from pipeline.config import Config
from pipeline.training.metrics import Truth, macro_f1, precision_recall_f1


class Bounds(Config):
    """What int8 may cost to be the default.

    Attributes:
        f1_loss: by how much macro-F1 on validation may fall.
        agreement: share of label decisions on validation that must be those of fp32.
    """

    f1_loss: float = Field(ge=0, le=1)
    agreement: float = Field(ge=0, le=1)


def measure_parity(
    folder: Path,
    texts: Sequence[str],
    truth: Truth,
    labels: Sequence[str],
    thresholds: Sequence[float],
    max_length: int,
) -> Parity:
    """Compare the graphs in ``folder`` on sentences with known labels.

    Args:
        truth: shape ``(sentences, labels)``, 0 or 1.
        thresholds: by column.
    """
    encoded = SentenceTokenizer(folder / TOKENIZER, max_length).encode(texts)
    logits = {
        name: logits_of(open_graph(folder / graph, threads=1), encoded, len(labels)) for name, graph in GRAPHS.items()
    }
    probabilities = {name: probabilities_of(given) for name, given in logits.items()}
    limits = np.array(thresholds, dtype=np.float32)
    marked = {name: (given >= limits).astype(np.int8) for name, given in probabilities.items()}
    differ = marked["int8"] != marked["fp32"]
    return Parity(
        sentences=len(texts),
        agreement=float(1 - differ.mean()),
        flips=dict(zip(labels, map(int, differ.sum(axis=0)), strict=True)),
        logit_difference=_largest_difference(logits),
        probability_difference=_largest_difference(probabilities),
        f1={
            name: {label: precision_recall_f1(truth[:, i], given[:, i])["f1"] for i, label in enumerate(labels)}
            | {"macro": macro_f1(truth, given)}
            for name, given in marked.items()
        },
    )


def _largest_difference(values: dict[Precision, NDArray[np.float32]]) -> float:
    return float(np.abs(values["int8"] - values["fp32"]).max())


def choose_precision(parity: Parity, bounds: Bounds) -> tuple[Precision, str]:
    """Return the precision to use by default, and why, in a sentence."""
    loss = parity.f1["fp32"]["macro"] - parity.f1["int8"]["macro"]
    good = loss <= bounds.f1_loss and parity.agreement >= bounds.agreement
    change = f"falls by {loss:.4f}" if loss > 0 else f"does not fall ({-loss:+.4f})"
    reason = (
        f"On {parity.sentences} validation sentences int8 makes {parity.agreement:.2%} of the label decisions of fp32 "
        f"(needed: {bounds.agreement:.2%}) and its macro-F1 {change} (allowed: {bounds.f1_loss})."
    )
    return "int8" if good else "fp32", reason
