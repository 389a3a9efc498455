"""Distillation: a fine-tuned large model teaches a compact one on sentences that nobody has labelled (Hinton et al. 2015)."""

import hashlib
import heapq
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from pipeline.config import Config
from pipeline.corpus.readers import Reject, read_records
from pipeline.corpus.records import Article, normalise
from pipeline.corpus.segment import SegmentConfig, segment
from pipeline.corpus.sentences import split_sentences
from pipeline.errors import InputError
from pipeline.files import whole_file
from pipeline.training.encoder import load_classifier, positions
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Floats
from pipeline.training.pretrain.text import TextSource, paragraphs

BATCH = 32
# A sentence of fewer words is a heading or a remainder.
FEW_WORDS = SegmentConfig().few_words


class TeacherConfig(Config):
    """``teacher`` in ``configs/train.yaml``.

    Attributes:
        model: a fine-tuned model of the same labels: the folder ``models/fine-tuned`` of another run, or a name on the hub.
        revision: the commit of a model on the hub.
        text: files of unlabelled text: articles (JSONL, CSV, Parquet), or plain text, a paragraph a line, ``PATH@SHARE`` for
            a part of it (``.txt``, ``.xz``, ``.zst``, ``.gz``).
        sentences: at most so many of their sentences are learned from, drawn by ``seed``.
        weight: of a taught sentence in the loss; a labelled one has 1.
        temperature: logits are divided by it before the two models are compared.
    """

    model: str = Field(min_length=1)
    revision: str | None = None
    text: tuple[str, ...] = Field(min_length=1)
    sentences: int = Field(default=20_000, ge=1)
    weight: float = Field(default=1.0, gt=0)
    temperature: float = Field(default=2.0, gt=0)


def unlabelled_sentences(text: Sequence[str], count: int, apart: Collection[str], seed: int) -> list[str]:
    """Draw ``count`` sentences from the files ``text``, each once, none that :func:`normalise` makes equal to one of ``apart``.

    Raises:
        InputError: a file is missing or damaged, or there is no sentence in them.
    """
    left_out = {normalise(sentence) for sentence in apart}
    found = {
        form: sentence
        for name in text
        for sentence in _sentences(TextSource.parse(name))
        if len(sentence.split()) >= FEW_WORDS and (form := normalise(sentence)) not in left_out
    }
    if not found:
        raise InputError(f"{', '.join(text)}: no sentence to be taught on")
    # The smallest hashes are a random draw that does not depend on the order of the files.
    drawn = heapq.nsmallest(count, found, key=lambda form: hashlib.blake2b(f"{seed} {form}".encode()).digest())
    return [found[form] for form in drawn]


def _sentences(source: TextSource) -> Iterator[str]:
    if source.is_plain:
        for paragraph in paragraphs(source):
            for start, end in split_sentences(paragraph):
                yield paragraph[start:end]
        return
    for record in read_records(source.path):
        if isinstance(record, Reject):
            raise InputError(f"{record.place}: {record.reason}; expected {record.expected}")
        assert isinstance(record, Article)
        for sentence in segment(record, SegmentConfig()).sentences:
            yield sentence.text


def teacher_probabilities(
    config: TeacherConfig, labels: Sequence[str], texts: Sequence[str], max_length: int, kept: Path
) -> Floats:
    """Return the teacher's probabilities at its temperature. Shape ``(texts, labels)``.

    Args:
        kept: file that its logits are kept in, for a run that is resumed.

    Raises:
        InputError: the teacher cannot be had, or knows other labels.
    """
    if not kept.exists():
        teacher = load_classifier(config.model, config.revision)
        known = list((teacher.model.config.id2label or {}).values())
        if sorted(known) != sorted(labels):
            raise InputError(f"{config.model}: knows the labels {', '.join(known)}; expected {', '.join(labels)}")
        if torch.cuda.is_available():
            nn.Module.cuda(teacher.model)
        length = min(max_length, positions(teacher.model.config))
        logits = logits_of(teacher.model, teacher.tokenizer, texts, length, BATCH)
        with whole_file(kept) as beside, beside.open("wb") as file:
            np.save(file, logits[:, [known.index(label) for label in labels]])
    return np.asarray(expit(np.load(kept) / config.temperature))


def taught_loss(logits: Tensor, targets: Tensor, taught: Tensor, weight: float, temperature: float) -> Tensor:
    """Return the loss of a batch of labelled and taught sentences, scalar.

    A labelled sentence counts with its cross-entropy; a taught one with that between the probabilities of teacher and
    student at ``temperature``, times its square, which keeps the size of the gradients (Hinton et al. 2015).

    Args:
        logits, targets: shape ``(sentences, labels)``.
        taught: shape ``(sentences,)``: 1 where the targets are a teacher's, else 0.
    """
    softened = torch.where(taught > 0, temperature, 1.0)
    rows = functional.binary_cross_entropy_with_logits(logits / softened[:, None], targets, reduction="none").mean(
        dim=1
    )
    return (rows * torch.where(taught > 0, weight, 1.0) * softened**2).mean()
