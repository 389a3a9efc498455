"""How fast pretraining is: tokens per second, and the share of the machine's matrix-product rate that it reaches.

    python benchmarks/pretraining_throughput.py TEXT... [--config configs/pretrain.yaml] [--seconds 60] [--batch-blocks 16]

Operations are counted from the shapes of the matrices (``pipeline/training/pretrain/rate.py``); the machine's rate is that of the best
of many large square products, with as many threads as pretraining has.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import typer
from rich.console import Console

from pipeline.config import load_config
from pipeline.errors import user_errors
from pipeline.training.pretrain.batches import draw_batch, to_device
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.loop import adamw, descend, gradients, vocabulary_of
from pipeline.training.pretrain.objective import Pretraining, new_model, smooth_inverse_frequency
from pipeline.training.pretrain.preparation import prepare_tokens
from pipeline.training.pretrain.pretrain import bert_config, device
from pipeline.training.pretrain.rate import matrix_rate, step_flops
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.text import TextSource
from pipeline.training.pretrain.tokens import BLOCK, as_blocks, read_tokens

# Steps; a GPU compiles for the shapes of batches as they come.
WARM_UP = 10


def main(
    text: list[str],
    config: Path = Path("configs/pretrain.yaml"),
    seconds: float = 60.0,
    batch_blocks: int | None = None,
) -> None:
    with user_errors(), tempfile.TemporaryDirectory() as scratch:
        settings = load_config(config, PretrainConfig)
        if batch_blocks:
            settings = settings.model_copy(update={"batch_blocks": batch_blocks})
        sources = [TextSource.parse(name) for name in text]
        tokenizer = prepare_tokens(sources, Path(scratch), settings, Console(stderr=True))
        blocks = as_blocks(read_tokens(Path(scratch) / "train.bin"))
        weights = smooth_inverse_frequency(np.bincount(blocks.ravel(), minlength=settings.vocab_size), range(5))
        accelerator = device()
        model = Pretraining(new_model(bert_config(settings)), weights)
        if accelerator.device.type == "cuda":
            model.language_model.base_model.compile()
        vocabulary = vocabulary_of(tokenizer)
        network, optimizer = accelerator.prepare(model, adamw(model, settings))
        network.train()
        flops, position, begun = 0, Position(), time.perf_counter()
        batch = draw_batch(blocks, position, vocabulary, settings)
        while position.step <= WARM_UP or time.perf_counter() - begun < seconds:
            if position.step == WARM_UP:
                flops, position.blocks, begun = 0, 0, time.perf_counter()
            masked_loss, _, norm = gradients(network, to_device(batch, accelerator.device), accelerator, settings)
            flops += step_flops(model.language_model.config, batch, summary=True)
            position.step += 1
            position.blocks += settings.batch_blocks
            # As pretraining does: drawn while a GPU is at work.
            batch = draw_batch(blocks, position, vocabulary, settings)
            descend(optimizer, norm)
            masked_loss.item()  # waits for the device
        spent = time.perf_counter() - begun
        most = matrix_rate(accelerator.device)
    print(
        f"{settings.layers} x {settings.hidden_size}, {settings.vocab_size} pieces, {settings.batch_blocks} blocks per step, "
        f"{accelerator.device.type}, {torch.get_num_threads()} threads"
    )
    print(f"tokens per second            {position.blocks * BLOCK / spent:,.0f}")
    print(f"GFLOP/s in matrix products   {flops / spent / 1e9:,.1f}")
    print(f"GFLOP/s that it could reach  {most / 1e9:,.1f}")
    print(f"share                        {flops / spent / most:.1%}")


if __name__ == "__main__":
    typer.run(main)
