"""Pretrain a compact BERT, tokenizer included, on plain text."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import BertConfig, BertTokenizer

from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.training.pretrain.batches import draw_batch, to_device
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.log import Log
from pipeline.training.pretrain.masking import Vocabulary, mask_words
from pipeline.training.pretrain.objective import (
    Pretraining,
    smooth_inverse_frequency,
    start_attention,
    start_embeddings,
)
from pipeline.training.pretrain.preparation import cached_vectors, prepare_tokens
from pipeline.training.pretrain.state import Position, load_state, save_state
from pipeline.training.pretrain.text import TextSource
from pipeline.training.pretrain.tokens import BLOCK, HELD_OUT_EVERY, Ids, as_blocks, read_tokens
from pipeline.training.pretrain.wordpiece import SPECIAL_TOKENS

# Dropout hurts where every token is seen once or twice; fine-tuning on a few thousand sentences wants it back.
FINE_TUNING_DROPOUT = 0.1
HELD_OUT_BLOCKS = 192


def pretrain(
    sources: list[TextSource], out: Path, config: PretrainConfig, minutes: float, resume: bool = False
) -> None:
    """Train for ``minutes`` and write the encoder to ``out``, as ``AutoModel.from_pretrained`` reads it.

    Work in progress lies in ``OUT.pretrain``; ``resume`` goes on from there. ``minutes`` counts training over all runs,
    so a run that is resumed ends where one that was never killed would.

    Raises:
        InputError: ``out`` or work in progress exists unasked, or the text is too short to train on.
    """
    work = out.with_name(out.name + ".pretrain")
    if (out / "config.json").exists():
        raise InputError(f"{out}: already holds an encoder; move it away or choose another --out")
    if work.exists() and not resume:
        raise InputError(f"{work}: holds an unfinished run; go on with --resume, or delete it")
    begun = {"sources": [f"{source.path}@{source.share}" for source in sources], "config": config.model_dump()}
    if (work / "run.json").exists() and json.loads((work / "run.json").read_text()) != begun:
        raise InputError(f"{work}: was begun with other text or another configuration; delete it to begin anew")
    write_json(work / "run.json", begun)
    console = Console(stderr=True)

    tokenizer = prepare_tokens(sources, work, config, console)
    train = as_blocks(read_tokens(work / "train.bin"))
    held_out = as_blocks(read_tokens(work / "held_out.bin"))[:HELD_OUT_BLOCKS]
    if len(train) < config.batch_blocks or not len(held_out):
        # Nothing has been trained yet, and longer text under the same name has to be encoded anew.
        shutil.rmtree(work)
        raise InputError(
            f"the text gives {len(train)} blocks of {BLOCK} tokens; at least {config.batch_blocks} are needed"
            + ("" if len(held_out) else f"; every {HELD_OUT_EVERY}th paragraph is held out, and they give none")
        )
    counts = np.bincount(train.ravel(), minlength=config.vocab_size)
    vocabulary = vocabulary_of(tokenizer)

    torch.manual_seed(config.seed)
    model = Pretraining(bert_config(config), smooth_inverse_frequency(counts, len(SPECIAL_TOKENS)))
    if config.embedding_epochs and not (work / "position.json").exists():
        vectors = cached_vectors(work, train.ravel(), config, console)
        start_embeddings(model, vectors, counts, config.embedding_scale)
        start_attention(model, config.word_size, config.embedding_scale)
    run(model, train, held_out, vocabulary, config, minutes, work, console)

    model.language_model.config.hidden_dropout_prob = FINE_TUNING_DROPOUT
    model.language_model.config.attention_probs_dropout_prob = FINE_TUNING_DROPOUT
    beside = out.with_name(out.name + ".partial")
    model.language_model.half().save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    shutil.copy(work / "log.csv", beside / "pretraining.csv")
    out.mkdir(parents=True, exist_ok=True)
    # The configuration last: it is what makes a folder an encoder.
    for file in sorted(beside.iterdir(), key=lambda file: file.name == "config.json"):
        file.replace(out / file.name)
    beside.rmdir()


def vocabulary_of(tokenizer: BertTokenizer) -> Vocabulary:
    """Return what masking needs to know of ``tokenizer``."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return Vocabulary(
        cls=tokenizer.cls_token_id,
        sep=tokenizer.sep_token_id,
        mask=tokenizer.mask_token_id,
        continues=torch.tensor([piece.startswith("##") for piece in pieces]),
    )


def bert_config(config: PretrainConfig) -> BertConfig:
    return BertConfig(
        vocab_size=config.vocab_size,
        num_hidden_layers=config.layers,
        hidden_size=config.hidden_size,
        num_attention_heads=config.heads,
        intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_length,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def run(
    model: Pretraining,
    train: Ids,
    held_out: Ids,
    vocabulary: Vocabulary,
    config: PretrainConfig,
    minutes: float,
    work: Path,
    console: Console,
) -> None:
    """Optimise ``model`` in place until ``minutes`` are spent, from the last saved state on."""
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
    )
    position = Position()
    if (work / "position.json").exists():
        position = load_state(work, model, optimizer)
        console.print(f"resuming at step {position.step}, after {position.seconds / 60:.1f} minutes")
    network, optimizer = accelerator.prepare(model, optimizer)

    budget = minutes * 60
    last = time.perf_counter()
    saved = position.seconds
    log = Log(work / "log.csv", position.step)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)
    with bar:
        task = bar.add_task("pretraining", total=budget, completed=int(position.seconds), visible=console.is_terminal)
        network.train()
        while position.seconds < budget:
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * slope(position.seconds / budget, config.warmup)
            batch = to_device(draw_batch(train, position, vocabulary, config), accelerator.device)
            masked_loss, summary_loss, _ = network(batch)
            accelerator.backward(masked_loss + config.summary_weight * summary_loss)
            accelerator.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

            position.step += 1
            position.blocks += config.batch_blocks
            now = time.perf_counter()
            position.seconds += now - last
            last = now
            bar.update(task, completed=position.seconds, description=f"pretraining, loss {masked_loss.item():.2f}")
            if position.seconds - saved >= min(120, budget / 10) or position.seconds >= budget:
                saved = position.seconds
                row = log.write(
                    position,
                    masked_loss.item(),
                    summary_loss.item(),
                    *evaluate(network, held_out, vocabulary, accelerator.device),
                )
                save_state(work, model, optimizer, position)
                if not console.is_terminal:
                    console.print(row, soft_wrap=True)
                last = time.perf_counter()


def slope(progress: float, warmup: float) -> float:
    """Return the share of the peak learning rate at ``progress`` in [0, 1]."""
    if progress < warmup:
        return max(progress / warmup, 0.01)
    return max((1 - progress) / (1 - warmup), 0.01)


@torch.no_grad()
def evaluate(
    network: torch.nn.Module, held_out: Ids, vocabulary: Vocabulary, device: torch.device
) -> tuple[float, float]:
    """Return perplexity per hidden piece and the share named right.

    They are measured on held-out blocks with 15 % of words hidden, always the same.
    """
    network.eval()
    loss = correct = count = 0.0
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(held_out), 32):
        content = torch.tensor(held_out[start : start + 32].astype(np.int64))
        batch = to_device(mask_words(content, vocabulary, 0.15, generator), device)
        masked_loss, _, right = network(batch)
        loss += masked_loss.item() * len(batch.targets)
        correct += right.item()
        count += len(batch.targets)
    network.train()
    return float(np.exp(loss / count)), correct / count
