"""Pretrain a compact BERT, tokenizer included, on plain text; or go on with a published encoder."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from rich.console import Console
from transformers import BertConfig, PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.files import sha256, whole_folder, write_json
from pipeline.training.pretrain.budget import Budget
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
USUAL = Budget(minutes=45)

# Called once with what the run was begun with; returns what is told the figures of each evaluation.
Observe = Callable[[Mapping[str, Any]], Report]


def unobserved(begun: Mapping[str, Any]) -> Report:  # noqa: ARG001
    return lambda step, figures: None  # noqa: ARG005


class Work(NamedTuple):
    """A run under way.

    Attributes:
        folder: what it keeps between its steps, and goes on from when it was killed.
        begun: what it was begun with.
    """

    folder: Path
    begun: dict[str, Any]
    budget: Budget
    accelerator: Accelerator
    console: Console


def pretrain(
    sources: list[TextSource],
    out: Path,
    config: PretrainConfig,
    budget: Budget | None = None,
    resume: bool = False,
    observe: Observe = unobserved,
) -> None:
    """Train until ``budget`` is spent and write the encoder to ``out``, as ``AutoModel.from_pretrained`` reads it.

    Work in progress lies in ``OUT.pretrain``; ``resume`` goes on from there. The budget counts over all runs, so a run that is
    resumed ends where one that was never killed would.

    Args:
        budget: ``None`` is that of the run that is resumed, or :data:`USUAL`.

    Raises:
        InputError: ``out`` or work in progress exists unasked, or the text is too short to train on.
    """
    work = _open_work(out, sources, config, {}, budget, resume)
    with work.accelerator.main_process_first():
        tokenizer = prepare_tokens(sources, work.folder, config, work.console)
    text = _blocks(work, config)
    counts = np.bincount(text.train.ravel(), minlength=config.vocab_size)
    torch.manual_seed(config.seed)
    weights = smooth_inverse_frequency(counts, tokenizer.all_special_ids) if config.summary_weight else None
    model = Pretraining(new_model(bert_config(config)), weights)
    if config.embedding_epochs and not (work.folder / "position.json").exists():
        with work.accelerator.main_process_first():
            vectors = cached_vectors(work.folder, text.train.ravel(), config, work.console)
        start_embeddings(model, vectors, counts, config.embedding_scale)
        start_attention(model, config.word_size, config.embedding_scale)
    _train(model, tokenizer, text, config, work, observe)
    _write_encoder(model, tokenizer, dict.fromkeys(DROPOUT, FINE_TUNING_DROPOUT), torch.float16, work, out)


def adapt(
    encoder: str,
    revision: str | None,
    sources: list[TextSource],
    out: Path,
    config: AdaptConfig,
    budget: Budget | None = None,
    resume: bool = False,
    observe: Observe = unobserved,
) -> None:
    """Go on with a published encoder on text of one's own (Gururangan et al. 2020); like :func:`pretrain` otherwise.

    The tokenizer, the positions and the masked-language-model head are the encoder's; a checkpoint without a head gets a
    fresh one, and the summary head is always fresh. Weights are written in the precision that they came in.

    Args:
        encoder: a folder, or a name on the hub.

    Raises:
        InputError: as for :func:`pretrain`; or the encoder cannot be had, or is of another family than BERT and ALBERT.
    """
    published = load_published(encoder, revision)
    files = sorted(file for file in Path(encoder).glob("*") if file.is_file())
    source = {"encoder": encoder, "revision": published.revision, "files": {file.name: sha256(file) for file in files}}
    work = _open_work(out, sources, config, source, budget, resume)
    with work.accelerator.main_process_first():
        encode_text(sources, published.tokenizer, work.folder, work.console)
    text = _blocks(work, config)
    counts = np.bincount(text.train.ravel(), minlength=published.model.config.vocab_size)
    torch.manual_seed(config.seed)
    special = published.tokenizer.all_special_ids
    model = Pretraining(published.model, smooth_inverse_frequency(counts, special) if config.summary_weight else None)
    _train(model, published.tokenizer, text, config, work, observe)
    _write_encoder(model, published.tokenizer, published.dropout, published.dtype, work, out)


def device() -> Accelerator:
    """Return what to train on: every GPU that there is a process for, in bf16 where it can, or else the CPU."""
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    # The other processes wait for the first to encode the text, which can take hours.
    patience = InitProcessGroupKwargs(timeout=timedelta(days=1))
    return Accelerator(mixed_precision="bf16" if on_gpu else "no", kwargs_handlers=[patience])


def _open_work(
    out: Path,
    sources: list[TextSource],
    config: AdaptConfig,
    encoder: Mapping[str, object],
    budget: Budget | None,
    resume: bool,
) -> Work:
    """Begin a run, or go on with the one that is there.

    Raises:
        InputError: ``out`` or work in progress exists unasked, or the work was begun with something else.
    """
    accelerator = device()
    folder = out.with_name(out.name + ".pretrain")
    path = folder / "run.json"
    there: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    if budget is None:
        budget = Budget(**there["budget"]) if there else USUAL
    begun = {
        "text": [
            {"path": str(source.path), "share": source.share, "sha256": sha256(source.path)} for source in sources
        ],
        "config": config.model_dump(),
        "encoder": dict(encoder),
        "budget": asdict(budget),
    }
    # All have read what is there before the first one writes.
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        if out.exists() and not out.is_dir():
            raise InputError(f"{out}: is a file; name a folder for the encoder")
        if (out / "config.json").exists():
            raise InputError(f"{out}: already holds an encoder; move it away or choose another --out")
        if folder.exists() and not resume:
            raise InputError(f"{folder}: holds an unfinished run; go on with --resume, or delete it")
        if there and there != begun:
            others = " and ".join(name for name in begun if there.get(name) != begun[name])
            raise InputError(f"{folder}: was begun with other {others}; give what run.json there says, or delete it")
        write_json(path, begun)
    accelerator.wait_for_everyone()
    return Work(folder, begun, budget, accelerator, Console(stderr=True, quiet=not accelerator.is_main_process))


def _blocks(work: Work, config: AdaptConfig) -> Text:
    """Read the token blocks to train on and to measure on.

    Raises:
        InputError: there are too few.
    """
    train = as_blocks(read_tokens(work.folder / "train.bin"))
    held_out = as_blocks(read_tokens(work.folder / "held_out.bin"))[:HELD_OUT_BLOCKS]
    if len(train) < config.batch_blocks or not len(held_out):
        # Nothing has been trained yet, and longer text under the same name has to be encoded anew.
        work.accelerator.wait_for_everyone()
        if work.accelerator.is_main_process:
            shutil.rmtree(work.folder)
        raise InputError(
            f"the text gives {len(train)} blocks of {BLOCK} tokens; at least {config.batch_blocks} are needed"
            + ("" if len(held_out) else f"; every {HELD_OUT_EVERY}th paragraph is held out, and they give none")
        )
    return Text(train, held_out)


def _train(
    model: Pretraining,
    tokenizer: PreTrainedTokenizerBase,
    text: Text,
    config: AdaptConfig,
    work: Work,
    observe: Observe,
) -> None:
    report = (observe if work.accelerator.is_main_process else unobserved)(work.begun)
    run(model, text, vocabulary_of(tokenizer), config, work.budget, work.folder, work.accelerator, work.console, report)


def _write_encoder(
    model: Pretraining,
    tokenizer: PreTrainedTokenizerBase,
    dropout: Mapping[str, float],
    dtype: torch.dtype,
    work: Work,
    out: Path,
) -> None:
    """Write the encoder to ``out`` and remove the folder of work; the first process does."""
    if not work.accelerator.is_main_process:
        return
    for part, share in dropout.items():
        setattr(model.language_model.config, part, share)
    finished = work.folder / "encoder"
    with whole_folder(finished) as beside:
        torch.nn.Module.to(model.language_model, dtype)
        model.language_model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        shutil.copy(work.folder / "log.csv", beside / "pretraining.csv")
    out.mkdir(parents=True, exist_ok=True)
    # The configuration last: it is what makes a folder an encoder.
    for file in sorted(finished.iterdir(), key=lambda file: file.name == "config.json"):
        file.replace(out / file.name)
    shutil.rmtree(work.folder)


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
