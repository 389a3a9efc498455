"""Pretrain a compact BERT, tokenizer included, on plain text; or go on with a published encoder."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from transformers import BertConfig, PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.files import sha256, write_json
from pipeline.training.pretrain.config import AdaptConfig, PretrainConfig
from pipeline.training.pretrain.loop import Report, Text, run, vocabulary_of
from pipeline.training.pretrain.objective import (
    Pretraining,
    new_model,
    smooth_inverse_frequency,
    start_attention,
    start_embeddings,
)
from pipeline.training.pretrain.preparation import cached_vectors, encode_text, prepare_tokens
from pipeline.training.pretrain.published import DROPOUT, load_published
from pipeline.training.pretrain.text import TextSource
from pipeline.training.pretrain.tokens import BLOCK, HELD_OUT_EVERY, as_blocks, read_tokens

# Dropout hurts where every token is seen once or twice; fine-tuning on a few thousand sentences wants it back.
FINE_TUNING_DROPOUT = 0.1
HELD_OUT_BLOCKS = 192

# Called once with what the run was begun with; returns what is told the figures of each evaluation.
Observe = Callable[[Mapping[str, Any]], Report]


def unobserved(begun: Mapping[str, Any]) -> Report:  # noqa: ARG001
    return lambda step, figures: None  # noqa: ARG005


def pretrain(
    sources: list[TextSource],
    out: Path,
    config: PretrainConfig,
    minutes: float,
    resume: bool = False,
    observe: Observe = unobserved,
) -> None:
    """Train for ``minutes`` and write the encoder to ``out``, as ``AutoModel.from_pretrained`` reads it.

    Work in progress lies in ``OUT.pretrain``; ``resume`` goes on from there. ``minutes`` counts training over all runs,
    so a run that is resumed ends where one that was never killed would.

    Raises:
        InputError: ``out`` or work in progress exists unasked, or the text is too short to train on.
    """
    accelerator, console = _devices()
    work, begun = _open_work(out, sources, config, {}, resume, accelerator)
    with accelerator.main_process_first():
        tokenizer = prepare_tokens(sources, work, config, console)
    text = _blocks(work, config, accelerator)
    counts = np.bincount(text.train.ravel(), minlength=config.vocab_size)
    torch.manual_seed(config.seed)
    weights = smooth_inverse_frequency(counts, tokenizer.all_special_ids) if config.summary_weight else None
    model = Pretraining(new_model(bert_config(config)), weights)
    if config.embedding_epochs and not (work / "position.json").exists():
        with accelerator.main_process_first():
            vectors = cached_vectors(work, text.train.ravel(), config, console)
        start_embeddings(model, vectors, counts, config.embedding_scale)
        start_attention(model, config.word_size, config.embedding_scale)
    report = observe(begun) if accelerator.is_main_process else unobserved(begun)
    run(model, text, vocabulary_of(tokenizer), config, minutes, work, accelerator, console, report)
    if accelerator.is_main_process:
        dropout = dict.fromkeys(DROPOUT, FINE_TUNING_DROPOUT)
        _write_encoder(model, tokenizer, dropout, torch.float16, work, out)


def adapt(
    encoder: str,
    revision: str | None,
    sources: list[TextSource],
    out: Path,
    config: AdaptConfig,
    minutes: float,
    resume: bool = False,
    observe: Observe = unobserved,
) -> None:
    """Go on with a published encoder on text of one's own (Gururangan et al. 2020); like :func:`pretrain` otherwise.

    The tokenizer, the positions and the masked-language-model head are the encoder's; a checkpoint without a head gets a
    fresh one. Weights are written in the precision that they came in.

    Args:
        encoder: a folder, or a name on the hub.

    Raises:
        InputError: as for :func:`pretrain`; or the encoder cannot be had, or is of another family than BERT and ALBERT.
    """
    accelerator, console = _devices()
    published = load_published(encoder, revision)
    files = sorted(file for file in Path(encoder).glob("*") if file.is_file())
    source = {"encoder": encoder, "revision": published.revision, "files": {file.name: sha256(file) for file in files}}
    work, begun = _open_work(out, sources, config, source, resume, accelerator)
    with accelerator.main_process_first():
        encode_text(sources, published.tokenizer, work, console)
    text = _blocks(work, config, accelerator)
    counts = np.bincount(text.train.ravel(), minlength=published.model.config.vocab_size)
    torch.manual_seed(config.seed)
    special = published.tokenizer.all_special_ids
    model = Pretraining(published.model, smooth_inverse_frequency(counts, special) if config.summary_weight else None)
    report = observe(begun) if accelerator.is_main_process else unobserved(begun)
    run(model, text, vocabulary_of(published.tokenizer), config, minutes, work, accelerator, console, report)
    if accelerator.is_main_process:
        _write_encoder(model, published.tokenizer, published.dropout, published.dtype, work, out)


def _devices() -> tuple[Accelerator, Console]:
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    return accelerator, Console(stderr=True, quiet=not accelerator.is_main_process)


def _open_work(
    out: Path,
    sources: list[TextSource],
    config: AdaptConfig,
    encoder: Mapping[str, object],
    resume: bool,
    accelerator: Accelerator,
) -> tuple[Path, dict[str, Any]]:
    """Return the folder of work, and what the run was begun with.

    Raises:
        InputError: ``out`` or work in progress exists unasked, or the work was begun with something else.
    """
    work = out.with_name(out.name + ".pretrain")
    begun = {
        "sources": [
            {"path": str(source.path), "share": source.share, "sha256": sha256(source.path)} for source in sources
        ],
        "config": config.model_dump(),
        "from": dict(encoder),
    }
    if accelerator.is_main_process:
        if (out / "config.json").exists():
            raise InputError(f"{out}: already holds an encoder; move it away or choose another --out")
        if work.exists() and not resume:
            raise InputError(f"{work}: holds an unfinished run; go on with --resume, or delete it")
        if (work / "run.json").exists() and json.loads((work / "run.json").read_text()) != begun:
            raise InputError(f"{work}: was begun with other text or another configuration; delete it to begin anew")
        write_json(work / "run.json", begun)
    accelerator.wait_for_everyone()
    return work, begun


def _blocks(work: Path, config: AdaptConfig, accelerator: Accelerator) -> Text:
    """Read the token blocks to train on and to measure on.

    Raises:
        InputError: there are too few.
    """
    train = as_blocks(read_tokens(work / "train.bin"))
    held_out = as_blocks(read_tokens(work / "held_out.bin"))[:HELD_OUT_BLOCKS]
    if len(train) < config.batch_blocks or not len(held_out):
        # Nothing has been trained yet, and longer text under the same name has to be encoded anew.
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            shutil.rmtree(work)
        raise InputError(
            f"the text gives {len(train)} blocks of {BLOCK} tokens; at least {config.batch_blocks} are needed"
            + ("" if len(held_out) else f"; every {HELD_OUT_EVERY}th paragraph is held out, and they give none")
        )
    return Text(train, held_out)


def _write_encoder(
    model: Pretraining,
    tokenizer: PreTrainedTokenizerBase,
    dropout: Mapping[str, float],
    dtype: torch.dtype,
    work: Path,
    out: Path,
) -> None:
    """Write the encoder to ``out`` and remove the folder of work."""
    for part, share in dropout.items():
        setattr(model.language_model.config, part, share)
    beside = out.with_name(out.name + ".partial")
    torch.nn.Module.to(model.language_model, dtype)
    model.language_model.save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    shutil.copy(work / "log.csv", beside / "pretraining.csv")
    out.mkdir(parents=True, exist_ok=True)
    # The configuration last: it is what makes a folder an encoder.
    for file in sorted(beside.iterdir(), key=lambda file: file.name == "config.json"):
        file.replace(out / file.name)
    beside.rmdir()
    shutil.rmtree(work)


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
