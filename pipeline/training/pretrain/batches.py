"""What each step of pretraining reads."""

import numpy as np
import torch

from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK, Ids, block_order


def draw_batch(blocks: Ids, position: Position, vocabulary: Vocabulary, config: PretrainConfig) -> MaskedBatch:
    """Read and mask the blocks of step ``position.step``.

    A function of its arguments alone, so that a resumed run repeats nothing.
    """
    numbers = np.arange(position.blocks, position.blocks + config.batch_blocks)
    epochs = numbers // len(blocks)
    chosen = np.concatenate(
        [
            block_order(len(blocks), int(epoch), config.seed)[numbers[epochs == epoch] % len(blocks)]
            for epoch in np.unique(epochs)
        ]
    )
    # Blocks are read whole, in halves or in quarters, since the sentences of later use have 5 to 120 tokens.
    pieces = int(np.random.default_rng([config.seed, position.step]).choice([1, 2, 4]))
    content = torch.tensor(blocks[np.sort(chosen)].astype(np.int64)).reshape(-1, BLOCK // pieces)
    generator = torch.Generator().manual_seed(config.seed + position.step)
    return mask_words(content, vocabulary, config.mask_rate, generator)


def to_device(batch: MaskedBatch, device: torch.device) -> MaskedBatch:
    return MaskedBatch(**{name: tensor.to(device) for name, tensor in vars(batch).items()})
