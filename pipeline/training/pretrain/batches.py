"""What each step of pretraining reads."""

import numpy as np
import torch

from pipeline.training.pretrain.config import AdaptConfig
from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK, Ids, block_order


def draw_batch(
    blocks: Ids,
    position: Position,
    vocabulary: Vocabulary,
    config: AdaptConfig,
    progress: float = 0.0,
    rank: int = 0,
    processes: int = 1,
) -> MaskedBatch:
    """Read and mask the blocks of step ``position.step``, or the share of process ``rank`` in them.

    A function of its arguments alone, so that a resumed run repeats nothing.

    Args:
        progress: share of the run that is done, in [0, 1].
    """
    first = config.tokens_read // BLOCK + position.blocks
    numbers = np.arange(first, first + step_blocks(config, progress, processes))
    epochs = numbers // len(blocks)
    chosen = np.concatenate(
        [
            block_order(len(blocks), int(epoch), config.seed)[numbers[epochs == epoch] % len(blocks)]
            for epoch in np.unique(epochs)
        ]
    )
    # Blocks are read whole, in halves or in quarters, since the sentences of later use have 5 to 120 tokens.
    pieces = int(np.random.default_rng([config.seed, position.step]).choice([1, 2, 4]))
    content = torch.tensor(blocks[np.sort(chosen[rank::processes])].astype(np.int64)).reshape(-1, BLOCK // pieces)
    seed = np.random.SeedSequence([config.seed, position.step, rank]).generate_state(1)[0]
    return mask_words(content, vocabulary, mask_rate(config, progress), torch.Generator().manual_seed(int(seed)))


def step_blocks(config: AdaptConfig, progress: float, processes: int = 1) -> int:
    """Return the blocks of a step at ``progress``: as many for each process, over all of them."""
    share = min(1.0, 0.25 + 0.75 * progress / config.batch_ramp) if config.batch_ramp else 1.0
    return max(1, round(config.batch_blocks * share / processes)) * processes


def mask_rate(config: AdaptConfig, progress: float) -> float:
    """Return the share of words to hide at ``progress``."""
    return config.mask_rate + (config.final_mask_rate - config.mask_rate) * min(progress, 1.0)


def to_device(batch: MaskedBatch, device: torch.device) -> MaskedBatch:
    """Send a batch to ``device``: to a GPU through pinned memory, so that nobody waits for the copy."""
    on_gpu = device.type == "cuda"
    return MaskedBatch(
        **{
            name: (tensor.pin_memory() if on_gpu else tensor).to(device, non_blocking=on_gpu)
            for name, tensor in vars(batch).items()
        }
    )
