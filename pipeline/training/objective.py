"""What fine-tuning minimises, and which labels its logits stand for."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.training.distillation import TeacherConfig, taught_loss
from pipeline.training.metrics import Floats, Truth


def loss_of(
    logits: Tensor, targets: Tensor, taught: Tensor, teacher: TeacherConfig | None, choices: Sequence[int] | None
) -> Tensor:
    """Return the mean cross-entropy of a batch, scalar, over labels or over groups of exclusive ones.

    Args:
        logits, targets: shape ``(sentences, labels)``.
        taught: shape ``(sentences,)``: 1 where the targets are a teacher's, else 0.
    """
    if choices is not None:
        groups = zip(torch.split(logits, list(choices), dim=1), torch.split(targets, list(choices), dim=1), strict=True)
        return torch.stack([functional.cross_entropy(*group) for group in groups]).mean()
    if teacher is not None:
        return taught_loss(logits, targets, taught, teacher.weight, teacher.temperature)
    return functional.binary_cross_entropy_with_logits(logits, targets)


def decide(logits: Floats, choices: Sequence[int] | None) -> Truth:
    """Return which labels are given without further ado: those above 0, or the highest of each group. Shape as ``logits``."""
    if choices is None:
        return (logits > 0).astype(np.int8)
    groups = np.split(logits, np.cumsum(choices)[:-1], axis=1)
    return np.concatenate([np.eye(group.shape[1], dtype=np.int8)[group.argmax(axis=1)] for group in groups], axis=1)
