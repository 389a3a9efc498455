"""Word pieces to logits with torch, on a GPU: the only module of use that imports torch and transformers.

Both come with ``netral[train]``; without a GPU nobody needs them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from pipeline.classifier.batches import Batch, batches
from pipeline.classifier.pieces import Encoded

# Positions that one batch may have: enough to fill a large GPU, few enough that sentences of a window of some ten
# thousand are of one length.
BATCH_TOKENS = 16_384


def open_model(folder: Path, device: str) -> PreTrainedModel:
    """Load the weights of a checkpoint: bf16 on a GPU; fp32 on torch's CPU device, where bf16 is slow.

    Raises:
        ValueError: there is no such device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no GPU")
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(folder, dtype=dtype)
    model.to(device)  # type: ignore[arg-type]  # annotated for the class, not for its instances
    model.eval()
    return model


@torch.inference_mode()
def logits_of(model: PreTrainedModel, encoded: Encoded, labels: int) -> NDArray[np.float32]:
    """Return the logits of every sentence. Shape ``(sentences, labels)``.

    The host prepares the next batch while the device computes, and waits for the results once, at the end.
    """
    logits = torch.zeros(len(encoded), labels, device=model.device)
    with ThreadPoolExecutor(1) as ahead:
        waiting = batches(encoded.ids, BATCH_TOKENS)
        prepared = ahead.submit(_next, waiting, model.device)
        while (batch := prepared.result()) is not None:
            prepared = ahead.submit(_next, waiting, model.device)
            rows, input_ids, attention_mask = batch
            logits[rows] = model(input_ids=input_ids, attention_mask=attention_mask).logits.float()
    result: NDArray[np.float32] = logits.cpu().numpy()
    return result


def _next(
    waiting: Iterator[Batch], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None] | None:
    """Put the next batch on ``device``: rows, pieces, and the mask where anything is masked."""
    batch = next(waiting, None)
    if batch is None:
        return None

    def put(values: NDArray[np.int64]) -> torch.Tensor:
        given = torch.from_numpy(np.ascontiguousarray(values))
        if device.type == "cuda":
            given = given.pin_memory()
        return given.to(device, non_blocking=True)

    # Without a mask attention takes its quickest kernel.
    masked = not batch.attention_mask.all()
    return put(batch.rows), put(batch.input_ids), put(batch.attention_mask) if masked else None
