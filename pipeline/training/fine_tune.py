"""Fine-tune an encoder on labelled sentences."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from pipeline.config import Config, Seed
from pipeline.errors import InputError
from pipeline.training.data import HiddenPieces, encode, label_matrix
from pipeline.training.distillation import TeacherConfig, teacher_probabilities, unlabelled_sentences
from pipeline.training.encoder import load_encoder, positions
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Floats, macro_f1
from pipeline.training.objective import decide, loss_of
from pipeline.training.pretrain.text import TextSource
from pipeline.training.resume import checkpoint_in, epochs_in_all, fingerprint


class TrainConfig(Config):
    """``configs/train.yaml``.

    Attributes:
        encoder: a local folder, or a name on the Hugging Face hub.
        revision: the commit of an encoder on the hub; pin it.
        max_length: word pieces per sentence; longer ones are cut.
        epochs: at most so many passes over the training sentences.
        batch_size: sentences per optimiser step.
        learning_rate: peak; rises linearly during ``warmup`` (share of all steps) and falls linearly to zero.
        weight_decay: AdamW's.
        max_gradient_norm: gradients are clipped to it.
        hidden_pieces: share of word pieces that training hides, others in each epoch.
        patience: epochs without a better validation macro-F1 before training stops.
        seed: of everything random.
        teacher: a fine-tuned model to learn from besides, on unlabelled text.
    """

    encoder: str = Field(min_length=1)
    revision: str | None = None
    max_length: int = Field(ge=8, le=512)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_gradient_norm: float = Field(gt=0)
    hidden_pieces: float = Field(default=0.0, ge=0, lt=1)
    patience: int = Field(ge=1)
    seed: Seed
    teacher: TeacherConfig | None = None


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning yields.

    Attributes:
        history: one row per epoch: ``epoch``, ``train_loss``, ``validation_loss``, ``validation_macro_f1``.
        validation_logits: shape ``(sentences, labels)``, of the best epoch.
        revision: the commit of the encoder on the hub, if it came from there.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    history: list[dict[str, float]]
    validation_logits: Floats
    revision: str | None


def fine_tune(
    train: datasets.Dataset,
    validation: datasets.Dataset,
    labels: Sequence[str],
    config: TrainConfig,
    work: Path,
    resume: bool = False,
    on_epoch: Callable[[dict[str, float]], None] = lambda _: None,
    apart: Sequence[str] = (),
    choices: Sequence[int] | None = None,
) -> FineTuned:
    """Train until validation macro-F1 no longer rises, and return the best epoch's model.

    Args:
        train, validation: rows with ``text`` and ``labels`` (a list of names).
        work: folder for checkpoints; emptied at the end.
        resume: go on from the last checkpoint in ``work``, if one of the same data and configuration is there.
        on_epoch: called with each row of the history as it is made.
        apart: sentences, those of the test split, that a teacher's text is rid of.
        choices: where labels exclude each other: ``labels`` is cut into groups of these sizes, and each sentence has exactly
            one label of each group (softmax). ``None``: each label by itself (sigmoid).

    Raises:
        InputError: the encoder or the teacher cannot be had, or does not fit the configuration.
    """
    assert choices is None or (sum(choices) == len(labels) and config.teacher is None)
    set_seed(config.seed)
    encoder = load_encoder(config.encoder, config.revision, list(labels))
    model, tokenizer = encoder.model, encoder.tokenizer
    if config.max_length > positions(model.config):
        raise InputError(
            f"{config.encoder}: takes at most {positions(model.config)} word pieces; lower max_length, {config.max_length}"
        )
    if choices is not None:
        model.config.problem_type = "single_label_classification" if len(choices) == 1 else None
    made_of = fingerprint(
        [list(labels), config.model_dump(), choices],
        (train, validation),
        apart if config.teacher else (),
        _files(config),
    )
    checkpoint = checkpoint_in(work, made_of, resume)
    rows = encode(train["text"], label_matrix(train, labels), tokenizer, config.max_length, taught=0.0)
    if config.teacher:
        known = [*train["text"], *validation["text"], *apart]
        texts = unlabelled_sentences(config.teacher.text, config.teacher.sentences, known, config.seed)
        print(f"{config.teacher.model} teaches on {len(texts)} unlabelled sentences")
        targets = teacher_probabilities(config.teacher, labels, texts, config.max_length, work / "teacher.npy")
        rows += encode(texts, targets, tokenizer, config.max_length, taught=1.0)
    on_gpu = torch.cuda.is_available()
    trainer = _Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(work),
            num_train_epochs=epochs_in_all(checkpoint, config.epochs, config.patience),
            per_device_train_batch_size=config.batch_size,
            per_device_eval_batch_size=4 * config.batch_size,
            learning_rate=config.learning_rate,
            warmup_steps=config.warmup,
            weight_decay=config.weight_decay,
            max_grad_norm=config.max_gradient_norm,
            train_sampling_strategy="group_by_length",
            remove_unused_columns=False,
            eval_strategy="epoch",
            save_strategy="epoch",
            logging_strategy="epoch",
            save_total_limit=2,
            load_best_model_at_end=True,
            restore_callback_states_from_checkpoint=True,
            metric_for_best_model="macro_f1",
            bf16=on_gpu and torch.cuda.is_bf16_supported(),
            torch_compile=on_gpu,
            dataloader_pin_memory=on_gpu,
            seed=config.seed,
            report_to=[],
        ),
        train_dataset=HiddenPieces(rows, tokenizer, config.hidden_pieces) if config.hidden_pieces else rows,
        eval_dataset=encode(
            validation["text"], label_matrix(validation, labels), tokenizer, config.max_length, taught=0.0
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda prediction: _macro_f1(prediction, choices),
        callbacks=[EarlyStoppingCallback(config.patience), _Report(on_epoch)],
    )
    trainer.loss = partial(loss_of, teacher=config.teacher, choices=choices)
    trainer.train(resume_from_checkpoint=checkpoint)
    trained = trainer.model
    assert isinstance(trained, PreTrainedModel)
    # The trainer's own predictions come in the order of its length-grouping sampler, not in that of the rows.
    logits = logits_of(trained, tokenizer, validation["text"], config.max_length, 4 * config.batch_size)
    shutil.rmtree(work, ignore_errors=True)
    return FineTuned(trained, tokenizer, epoch_rows(trainer.state.log_history), logits, encoder.revision)


def _files(config: TrainConfig) -> list[Path]:
    """Return the files that training reads; of models on the hub, the configuration has the revision."""
    files = sorted(Path(config.encoder).glob("*"))
    if config.teacher:
        files += sorted(Path(config.teacher.model).glob("*"))
        files += [TextSource.parse(name).path for name in config.teacher.text]
    return files


class _Trainer(Trainer):
    """A trainer with a loss of ours: some rows have a teacher's targets, some labels exclude each other."""

    loss: Callable[[Tensor, Tensor, Tensor], Tensor]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002 - the trainer gives it
    ) -> Any:
        inputs = dict(inputs)
        targets, taught = inputs.pop("labels"), inputs.pop("taught")
        outputs = model(**inputs)
        loss = self.loss(outputs.logits.float(), targets, taught)
        return (loss, {"logits": outputs.logits}) if return_outputs else loss


def _macro_f1(prediction: EvalPrediction, choices: Sequence[int] | None) -> dict[str, float]:
    predicted = decide(np.asarray(prediction.predictions), choices)
    return {"macro_f1": macro_f1(np.asarray(prediction.label_ids).astype(np.int8), predicted)}


class _Report(TrainerCallback):
    """Calls ``on_epoch`` with each row of the history; after a resumption first with those from before it."""

    def __init__(self, on_epoch: Callable[[dict[str, float]], None]) -> None:
        self.on_epoch = on_epoch
        self.reported = 0

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        rows = epoch_rows(state.log_history)
        for row in rows[self.reported :]:
            self.on_epoch(row)
        self.reported = len(rows)


def epoch_rows(log: list[dict[str, float]]) -> list[dict[str, float]]:
    """Merge the trainer's log entries of training and evaluation into one row per epoch."""
    losses = {entry["epoch"]: entry["loss"] for entry in log if "loss" in entry}
    return [
        {
            "epoch": entry["epoch"],
            "train_loss": losses.get(entry["epoch"], float("nan")),
            "validation_loss": entry["eval_loss"],
            "validation_macro_f1": entry["eval_macro_f1"],
        }
        for entry in log
        if "eval_macro_f1" in entry
    ]
