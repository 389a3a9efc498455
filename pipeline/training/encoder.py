"""Base encoders: from a local folder or the Hugging Face hub, with a fresh classification head."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.hub import cached_file

from pipeline.errors import InputError


@dataclass(frozen=True)
class Encoder:
    """A base encoder made ready for training.

    Attributes:
        model: with a head, for classification one output per label, in label order; float32.
        tokenizer: fast, whatever files the encoder came with.
        revision: the commit on the hub that it came from; ``None`` for a local folder.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    revision: str | None


def load_encoder(name: str, revision: str | None, labels: list[str]) -> Encoder:
    """Load the encoder in folder ``name``, or of that name on the hub, at ``revision``.

    Labels, and a head, that the checkpoint brings of its own are replaced. Weights in PyTorch's ``.bin`` format are
    read by transformers as plain tensors, without unpickling objects.

    Raises:
        InputError: there is no such encoder, it is damaged, or the hub cannot be reached.
    """
    config = read_config(name, revision)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    config.problem_type = "multi_label_classification"
    return read_model(AutoModelForSequenceClassification, name, revision, config)


def load_classifier(name: str, revision: str | None) -> Encoder:
    """Load a fine-tuned model with the head and the labels that it has; else like :func:`load_encoder`."""
    return read_model(AutoModelForSequenceClassification, name, revision, read_config(name, revision))


def read_config(name: str, revision: str | None) -> PreTrainedConfig:
    """Read the configuration of a model, first and alone: a missing one tells "no such model" from "damaged weights"."""
    local = Path(name).exists()
    if local and not (Path(name) / "config.json").is_file():
        raise InputError(f"{name}: holds no encoder (no config.json); run 'netral pretrain' or use a name on the hub")
    if not local and name.count("/") != 1:
        raise InputError(f"{name}: no such folder, and no name on the Hugging Face hub (those read 'owner/model')")
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(name, revision=revision or "main")
    except (OSError, ValueError) as error:
        raise InputError(_no_encoder(name, local, error)) from error
    return config


def read_model(auto: type, name: str, revision: str | None, config: PreTrainedConfig) -> Encoder:
    """Read the weights as the class of models ``auto``, in float32, and the tokenizer; parts that are missing start at random."""
    local = Path(name).exists()
    try:
        model = auto.from_pretrained(  # type: ignore[attr-defined]
            name, revision=revision or "main", config=config, ignore_mismatched_sizes=True, dtype=torch.float32
        )
        tokenizer = load_tokenizer(name, revision)
    except Exception as error:  # torch, safetensors and tokenizers raise exceptions of their own for damaged files
        raise InputError(_no_encoder(name, local, error)) from error
    if not len(tokenizer.all_special_ids) < len(tokenizer) <= config.vocab_size:
        raise InputError(
            f"{name}: holds no usable encoder: its tokenizer has {len(tokenizer)} pieces, its model {config.vocab_size}"
        )
    return Encoder(model, tokenizer, None if local else _commit(name, revision))


def positions(config: PreTrainedConfig) -> int:
    """Return how many word pieces a model can take at once."""
    count: int = config.max_position_embeddings
    # In RoBERTa's family, positions are counted from behind the padding's number.
    return count - config.pad_token_id - 1 if "roberta" in config.model_type else count


def load_tokenizer(name: str, revision: str | None) -> PreTrainedTokenizerBase:
    """Load the tokenizer of an encoder, as a fast one.

    Indonesian BERT and ALBERT checkpoints often bring nothing but a WordPiece ``vocab.txt``; ALBERT's own tokenizer class
    would look for a SentencePiece model in vain.
    """
    at = revision or "main"

    def has(file: str) -> bool:
        found = cached_file(
            name,
            file,
            revision=at,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return found is not None

    tokenizer: PreTrainedTokenizerBase
    if has("vocab.txt") and not has("tokenizer.json"):
        tokenizer = BertTokenizer.from_pretrained(name, revision=at)
    else:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=at, use_fast=True)
    return tokenizer


def _commit(name: str, revision: str | None) -> str:
    """Return the commit that an encoder of the hub came from: its folder in the cache has that name."""
    config = cached_file(name, "config.json", revision=revision or "main")
    assert config is not None, "the configuration has been read"
    return Path(config).parent.name


def _no_encoder(name: str, local: bool, error: Exception) -> str:
    reason = " ".join(str(error).split())
    if local:
        return f"{name}: holds no usable encoder: {reason[:200]}"
    offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
    return (
        f"{name}: cannot be had from the Hugging Face hub{offline}: {reason[:160]} … Use the encoder that ships with "
        "'encoder: models/encoder' in configs/train.yaml, or a folder with a copy of this one"
    )
