"""How much arithmetic pretraining does, and how much the machine could do."""

import time

import torch
from transformers import PreTrainedConfig

from pipeline.training.pretrain.masking import MaskedBatch


def step_flops(config: PreTrainedConfig, batch: MaskedBatch, summary: bool) -> int:
    """Count the floating-point operations of the matrix products of one step, forward and backward.

    A product of ``(m, k)`` and ``(k, n)`` takes ``2 m k n``, and twice as many again for its two gradients. What is not a
    matrix product (norms, softmax, the optimiser) is not counted, so the share of the machine's rate is a lower bound.

    Args:
        config: the shape of a BERT or ALBERT.
        summary: whether the pooled vector predicts the bag of words.
    """
    sequences, length = batch.input_ids.shape
    width, inner, pieces = config.hidden_size, config.intermediate_size, config.vocab_size
    embedding = getattr(config, "embedding_size", width)
    tokens = sequences * length
    # Query, key, value and output; scores and sums of attention; the two layers between.
    layer = tokens * (4 * width * width + 2 * length * width + 2 * width * inner)
    total = config.num_hidden_layers * layer
    total += tokens * embedding * width if embedding != width else 0
    total += len(batch.targets) * (width * embedding + embedding * pieces)
    if summary:
        total += sequences * (width * width + width * embedding + embedding * pieces)
    return 3 * 2 * int(total)


def matrix_rate(device: torch.device, seconds: float = 1.0) -> float:
    """Measure floating-point operations per second of square matrix products, the best of those in ``seconds``."""
    on_gpu = device.type == "cuda"
    size, dtype = (8192, torch.bfloat16) if on_gpu else (1024, torch.float32)
    one = torch.randn(size, size, dtype=dtype, device=device)
    best = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not best:
        begun = time.perf_counter()
        product = one @ one
        product[0, 0].item()  # waits for the device
        best = max(best, 2 * size**3 / (time.perf_counter() - begun))
    return best
