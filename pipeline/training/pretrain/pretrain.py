"""Pretrain a compact BERT, tokenizer included, on plain text."""

import csv
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from pydantic import Field
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import BertConfig, BertTokenizer

from pipeline.config import Config
from pipeline.errors import InputError
from pipeline.training.pretrain.embeddings import co_occurrence_vectors
from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.objective import Pretraining, smooth_inverse_frequency, start_from_statistics
from pipeline.training.pretrain.state import Position, load_state, save_state
from pipeline.training.pretrain.text import TextSource, paragraphs
from pipeline.training.pretrain.tokens import BLOCK, Ids, as_blocks, block_order, read_tokens, write_tokens
from pipeline.training.pretrain.wordpiece import SPECIAL_TOKENS, backend, train_wordpiece

# Dropout hurts where every token is seen once or twice; fine-tuning on a few thousand sentences wants it back.
FINE_TUNING_DROPOUT = 0.1
HELD_OUT_BLOCKS = 192


class PretrainConfig(Config):
    """``configs/pretrain.yaml``.

    Attributes:
        vocab_size: word pieces, special tokens included; at most 65,535, since token ids are kept as uint16.
        layers, hidden_size, heads, intermediate_size: the shape of the BERT encoder.
        max_length: positions, in tokens; longer texts are cut in use. Blocks of pretraining have 122.
        batch_blocks: blocks of 120 tokens per optimiser step.
        learning_rate: peak; rises linearly during ``warmup`` (share of the run) and falls linearly to zero.
        weight_decay: AdamW's, on matrices only.
        mask_rate: share of words that are hidden.
        summary_weight: weight of the loss that has ``[CLS]`` predict the bag of words.
        embedding_epochs: passes of skip-gram over the tokens before pretraining; 0 starts from random embeddings.
        embedding_scale: standard deviation that the co-occurrence vectors are scaled to.
        seed: of everything random.
    """

    vocab_size: int = Field(ge=100, le=65_535)
    layers: int = Field(ge=1)
    hidden_size: int = Field(ge=8)
    heads: int = Field(ge=1)
    intermediate_size: int = Field(ge=8)
    max_length: int = Field(ge=BLOCK + 2)
    batch_blocks: int = Field(ge=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    mask_rate: float = Field(gt=0, lt=1)
    summary_weight: float = Field(ge=0)
    embedding_epochs: int = Field(ge=0)
    embedding_scale: float = Field(gt=0)
    seed: int = Field(ge=0)


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
    console = Console(stderr=True)

    tokenizer = prepare_tokens(sources, work, config, console)
    train = as_blocks(read_tokens(work / "train.bin"))
    held_out = as_blocks(read_tokens(work / "held_out.bin"))[:HELD_OUT_BLOCKS]
    if len(train) < config.batch_blocks or not len(held_out):
        raise InputError(
            f"the text gives {len(train)} blocks of {BLOCK} tokens; at least {config.batch_blocks} are needed"
        )
    counts = np.bincount(train.ravel(), minlength=config.vocab_size)
    vocabulary = Vocabulary(
        cls=tokenizer.cls_token_id,
        sep=tokenizer.sep_token_id,
        mask=tokenizer.mask_token_id,
        continues=torch.tensor(
            [piece.startswith("##") for piece in tokenizer.convert_ids_to_tokens(range(config.vocab_size))]
        ),
    )

    torch.manual_seed(config.seed)
    model = Pretraining(bert_config(config), smooth_inverse_frequency(counts, len(SPECIAL_TOKENS)))
    if config.embedding_epochs and not (work / "position.json").exists():
        start_from_statistics(
            model, cached_vectors(work, train.ravel(), config, console), counts, config.embedding_scale
        )
    run(model, train, held_out, vocabulary, config, minutes, work, console)

    model.language_model.config.hidden_dropout_prob = FINE_TUNING_DROPOUT
    model.language_model.config.attention_probs_dropout_prob = FINE_TUNING_DROPOUT
    beside = out.with_name(out.name + ".partial")
    model.language_model.half().save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    out.mkdir(parents=True, exist_ok=True)
    for file in beside.iterdir():
        file.replace(out / file.name)
    beside.rmdir()
    shutil.copy(work / "log.csv", out / "pretraining.csv")


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


def prepare_tokens(sources: list[TextSource], work: Path, config: PretrainConfig, console: Console) -> BertTokenizer:
    """Train the tokenizer and encode the text, unless an earlier run has done so."""

    def text() -> Iterator[str]:
        for source in sources:
            yield from paragraphs(source)

    if (work / "tokens.json").exists():
        return BertTokenizer.from_pretrained(work)
    console.print("training the tokenizer")
    tokenizer = train_wordpiece(text(), config.vocab_size, config.max_length)
    tokenizer.save_pretrained(work)
    console.print("encoding the text")
    write_tokens(text(), backend(tokenizer), work)
    return tokenizer


def cached_vectors(work: Path, tokens: Ids, config: PretrainConfig, console: Console) -> NDArray[np.float32]:
    path = work / "vectors.npy"
    if not path.exists():
        console.print("training co-occurrence vectors")
        vectors = co_occurrence_vectors(
            tokens,
            config.vocab_size,
            config.hidden_size * 3 // 4,
            config.embedding_epochs,
            config.seed,
            torch.get_num_threads(),
        )
        np.save(path, vectors)
    return np.asarray(np.load(path))


def draw_batch(blocks: Ids, position: Position, vocabulary: Vocabulary, config: PretrainConfig) -> MaskedBatch:
    """Read and mask the blocks of step ``position.step``: a function of its arguments alone, so that a resumed run repeats nothing."""
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
    log = Log(work / "log.csv", resume=position.step > 0)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)
    with bar:
        task = bar.add_task("pretraining", total=budget, completed=position.seconds, visible=console.is_terminal)
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
                    console.print(row)
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
    """Return perplexity per hidden piece and the share named right, on held-out blocks with 15 % of words hidden, always the same."""
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


class Log:
    """``log.csv``: one row per evaluation."""

    COLUMNS = (
        "step",
        "minutes",
        "tokens",
        "tokens_per_second",
        "masked_loss",
        "summary_loss",
        "held_out_perplexity",
        "held_out_accuracy",
    )

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        if not resume:
            self.append(self.COLUMNS)

    def append(self, row: tuple[str, ...]) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)

    def write(self, position: Position, masked: float, summary: float, perplexity: float, accuracy: float) -> str:
        tokens = position.blocks * BLOCK
        row = (
            str(position.step),
            f"{position.seconds / 60:.1f}",
            str(tokens),
            f"{tokens / position.seconds:.0f}",
            f"{masked:.3f}",
            f"{summary:.3f}",
            f"{perplexity:.1f}",
            f"{accuracy:.4f}",
        )
        self.append(row)
        return ", ".join(f"{name} {value}" for name, value in zip(self.COLUMNS, row, strict=True))
