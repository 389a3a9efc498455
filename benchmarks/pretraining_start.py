"""What gets a new encoder off the plateau: held-out perplexity over the first tokens, from three starts.

    python benchmarks/pretraining_start.py TEXT... [--tokens 500000]

Random weights; co-occurrence vectors as embeddings; these and attention to neighbouring words (what `netral pretrain` does). All three
see the same batches in the same order.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console

from pipeline.config import load_config
from pipeline.errors import user_errors
from pipeline.training.pretrain.batches import draw_batch
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.loop import evaluate, vocabulary_of
from pipeline.training.pretrain.objective import (
    Pretraining,
    new_model,
    smooth_inverse_frequency,
    start_attention,
    start_embeddings,
)
from pipeline.training.pretrain.preparation import cached_vectors, prepare_tokens
from pipeline.training.pretrain.pretrain import HELD_OUT_BLOCKS, bert_config
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.text import TextSource
from pipeline.training.pretrain.tokens import BLOCK, as_blocks, read_tokens

STARTS = ("random weights", "co-occurrence embeddings", "and attention to neighbours")


def main(
    text: list[str],
    tokens: int = 500_000,
    config: Path = Path("configs/pretrain.yaml"),
    work: Annotated[
        Path | None, typer.Option(help="A folder with the tokens of an earlier run of netral pretrain.")
    ] = None,
) -> None:
    settings = load_config(config, PretrainConfig)
    folder = work or Path(tempfile.mkdtemp())
    console = Console(stderr=True)
    tokenizer = prepare_tokens([TextSource.parse(name) for name in text], folder, settings, console)
    train = as_blocks(read_tokens(folder / "train.bin"))
    held_out = as_blocks(read_tokens(folder / "held_out.bin"))[:HELD_OUT_BLOCKS]
    counts = np.bincount(train.ravel(), minlength=settings.vocab_size)
    vocabulary = vocabulary_of(tokenizer)
    vectors = cached_vectors(folder, train.ravel(), settings, console)

    steps = tokens // (settings.batch_blocks * BLOCK)
    print(f"| start | {' | '.join(f'{share * tokens // 4:,} tokens' for share in range(1, 5))} |\n|{'---|' * 5}")
    for number, name in enumerate(STARTS):
        torch.manual_seed(settings.seed)
        model = Pretraining(
            new_model(bert_config(settings)), smooth_inverse_frequency(counts, tokenizer.all_special_ids)
        )
        if number >= 1:
            start_embeddings(model, vectors, counts, settings.embedding_scale)
        if number >= 2:
            start_attention(model, settings.word_size, settings.embedding_scale)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
        )
        perplexities = []
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * min(1.0, (step + 1) / 20)
            masked_loss, summary_loss, _ = model(
                draw_batch(train, Position(step, step * settings.batch_blocks), vocabulary, settings)
            )
            (masked_loss + settings.summary_weight * summary_loss).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if (step + 1) % max(steps // 4, 1) == 0:
                perplexities.append(evaluate(model, held_out, vocabulary, torch.device("cpu"))[0])
        print(f"| {name} | {' | '.join(f'{perplexity:.0f}' for perplexity in perplexities[:4])} |", flush=True)


if __name__ == "__main__":
    with user_errors():
        typer.run(main)
