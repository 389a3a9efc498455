"""Logits of a model that is not exported yet."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pipeline.training.metrics import Floats


@torch.inference_mode()
def logits_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int, batch_size: int
) -> Floats:
    """Return the logits of ``texts``. Shape ``(sentences, labels)``, float64."""
    model.eval()
    order = np.argsort([len(text) for text in texts], kind="stable")
    labels = model.config.num_labels
    assert labels is not None, "the model has no classification head"
    logits = np.zeros((len(texts), labels))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        encoded = tokenizer(
            [texts[row] for row in rows], truncation=True, max_length=max_length, padding=True, return_tensors="pt"
        )
        logits[rows] = model(**encoded.to(model.device)).logits.float().cpu().numpy()
    return logits
