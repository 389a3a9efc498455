"""The steps of pretraining, until the budget is spent."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.training.pretrain.batches import draw_batch, step_blocks, to_device
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import AdaptConfig
from pipeline.training.pretrain.log import HeldOut, Log
from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.objective import Pretraining
from pipeline.training.pretrain.rate import matrix_rate, step_flops
from pipeline.training.pretrain.state import Position, load_state, save_state
from pipeline.training.pretrain.tokens import BLOCK, Ids

# After so many steps in a row whose gradients are no numbers, nothing is to be hoped for.
HOPELESS = 20
# A state is saved after so many seconds, or after a tenth of the budget, whichever comes first.
SAVE_EVERY = 120
# Told the step and the figures of each evaluation.
Report = Callable[[int, Mapping[str, float]], None]


class Text(NamedTuple):
    """Token blocks to train on and to measure on, each of shape ``(blocks, BLOCK)``."""

    train: Ids
    held_out: Ids


def adamw(model: torch.nn.Module, config: AdaptConfig) -> torch.optim.AdamW:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    matrices = [weight for weight in weights if weight.ndim > 1]
    others = [weight for weight in weights if weight.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
    )


def run(
    model: Pretraining,
    text: Text,
    vocabulary: Vocabulary,
    config: AdaptConfig,
    budget: Budget,
    work: Path,
    accelerator: Accelerator,
    console: Console,
    report: Report,
) -> None:
    """Optimise ``model`` in place until ``budget`` is spent, from the last saved state on.

    Of several processes, each reads its share of every step's blocks; the first one keeps the time, measures, and writes.
    """
    optimizer = adamw(model, config)
    position = Position()
    if (work / "position.json").exists():
        position = load_state(work, model, optimizer)
        console.print(f"resuming at step {position.step}, after {position.seconds / 60:.1f} minutes")
    if accelerator.device.type == "cuda":
        model.language_model.base_model.compile()
    network, wrapped = accelerator.prepare(model, optimizer)
    first, processes = accelerator.is_main_process, accelerator.num_processes

    def drawn(position: Position) -> tuple[MaskedBatch, int]:
        """Return this process's share of the step at ``position``, and how many blocks all processes read in it."""
        spent = budget.spent(position)
        batch = draw_batch(text.train, position, vocabulary, config, spent, accelerator.process_index, processes)
        return batch, step_blocks(config, spent, processes)

    saved, saved_at = budget.spent(position), position.seconds
    begun = saved_at
    last = time.perf_counter()
    flops = failed = 0
    log = Log(work / "log.csv", position.step) if first else None
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)
    with bar:
        shown = console.is_terminal and first
        task = bar.add_task("pretraining", total=1.0, visible=shown)
        bar.tasks[0].completed = saved
        network.train()
        batch, blocks = drawn(position)
        while (spent := budget.spent(position)) < 1:
            for group in wrapped.param_groups:
                group["lr"] = config.learning_rate * slope(spent, config.warmup)
            masked_loss, summary_loss, norm = gradients(
                network, to_device(batch, accelerator.device), accelerator, config
            )
            flops += step_flops(model.language_model.config, batch, model.summary is not None)
            position.step += 1
            position.blocks += blocks
            # The next batch is drawn while a GPU is still at work on this one; nothing before has waited for it.
            batch, blocks = drawn(position)
            failed = 0 if descend(wrapped, norm) else failed + 1
            if failed == HOPELESS:
                raise InputError(_diverged(position.step, work))

            now = time.perf_counter()
            position.seconds = agreed(position.seconds + now - last, accelerator)
            last = now
            spent = budget.spent(position)
            bar.update(task, completed=spent, description=f"pretraining, loss {masked_loss.item():.2f}")
            if spent - saved >= 0.1 or position.seconds - saved_at >= SAVE_EVERY or spent >= 1:
                saved, saved_at = spent, position.seconds
                if log:
                    measured = evaluate(model, text.held_out, vocabulary, accelerator.device)
                    if not np.isfinite(measured.word_loss):
                        raise InputError(_diverged(position.step, work))
                    row = log.write(position, masked_loss.item(), summary_loss.item(), measured)
                    save_state(work, model, optimizer, position)
                    report(position.step, row)
                    if not console.is_terminal:
                        console.print(", ".join(f"{name} {value:g}" for name, value in row.items()), soft_wrap=True)
                accelerator.wait_for_everyone()
                last = time.perf_counter()
    if first and position.seconds > begun:
        speed, most = flops / (position.seconds - begun), matrix_rate(accelerator.device)
        console.print(
            f"{position.blocks * BLOCK / position.seconds:,.0f} tokens per second; {speed / 1e9:,.1f} GFLOP/s in matrix products, "
            f"{speed / most:.0%} of the {most / 1e9:,.1f} that this device reaches"
        )
        report(position.step, {"gflop_per_second": speed / 1e9, "share_of_matrix_rate": speed / most})


def _diverged(step: int, work: Path) -> str:
    return f"at step {step} the loss is no number any more; lower learning_rate, delete {work} and begin anew"


def gradients(
    network: torch.nn.Module, batch: MaskedBatch, accelerator: Accelerator, config: AdaptConfig
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the gradients of one step, clipped; return both losses and the norm that the gradients had. Waits for no GPU."""
    masked_loss, summary_loss, _ = network(batch)
    accelerator.backward(masked_loss + config.summary_weight * summary_loss)
    norm = torch.as_tensor(accelerator.clip_grad_norm_(network.parameters(), config.max_gradient_norm))
    return masked_loss.detach(), summary_loss.detach(), norm


def descend(optimizer: torch.optim.Optimizer, norm: torch.Tensor) -> bool:
    """Take the step, unless the ``norm`` of its gradients is no number; say whether it was taken."""
    finite = bool(norm.isfinite())
    if finite:
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return finite


def agreed(seconds: float, accelerator: Accelerator) -> float:
    """Return the first process's ``seconds`` on every one, so that all stop at the same step."""
    if accelerator.num_processes == 1:
        return seconds
    return float(broadcast(torch.tensor([seconds], dtype=torch.float64, device=accelerator.device)).item())


def slope(progress: float, warmup: float) -> float:
    """Return the share of the peak learning rate at ``progress`` in [0, 1]."""
    if progress < warmup:
        return max(progress / warmup, 0.01)
    return max((1 - progress) / (1 - warmup), 0.01) if warmup < 1 else 1.0


@torch.no_grad()
def evaluate(model: Pretraining, held_out: Ids, vocabulary: Vocabulary, device: torch.device) -> HeldOut:
    """Measure ``model`` on held-out blocks with 15 % of words hidden, always the same."""
    model.eval()
    loss = correct = count = words = 0.0
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(held_out), 32):
        content = torch.tensor(held_out[start : start + 32].astype(np.int64))
        batch = mask_words(content, vocabulary, 0.15, generator)
        masked_loss, _, right = model(to_device(batch, device))
        loss += masked_loss.item() * len(batch.targets)
        correct += right.item()
        count += len(batch.targets)
        words += int((~vocabulary.continues[batch.targets]).sum())
    model.train()
    return HeldOut(float(np.exp(loss / max(count, 1))), correct / max(count, 1), loss / max(words, 1))


def vocabulary_of(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Return what masking needs to know of ``tokenizer``, whose pieces mark either the inside (``##``) or the start (``▁``) of words."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = set(tokenizer.all_special_ids)
    ordinary = [number for number in range(len(pieces)) if number not in special]
    marks_starts = any(pieces[number].startswith("▁") for number in ordinary)
    continues = torch.tensor([piece.startswith("##") for piece in pieces])
    if marks_starts:
        continues = torch.tensor(
            [number not in special and not piece.startswith("▁") for number, piece in enumerate(pieces)]
        )
    return Vocabulary(
        tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id, continues, torch.tensor(ordinary)
    )
