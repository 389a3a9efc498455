"""Published encoders, to go on with: from a folder or the hub, in the layouts of BERT and ALBERT."""

import copy
from dataclasses import dataclass

import torch
from transformers import AutoModel, AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.training.encoder import positions, read_config, read_model
from pipeline.training.pretrain.tokens import BLOCK

# Switched off while pretraining, and given back to the result.
DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob")


@dataclass(frozen=True)
class Published:
    """An encoder that somebody has pretrained.

    Attributes:
        model: with the masked-language-model head of the checkpoint, or a fresh one, and a pooler; float32, without dropout.
        revision: the commit on the hub that it came from; ``None`` for a local folder.
        dropout: what its configuration had.
        dtype: the precision that its weights are kept in.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    revision: str | None
    dropout: dict[str, float]
    dtype: torch.dtype


def load_published(name: str, revision: str | None) -> Published:
    """Load an encoder with everything that pretraining needs of it.

    Raises:
        InputError: there is no such encoder, it is damaged or of another family, or takes too short texts.
    """
    given = read_config(name, revision)
    if given.model_type not in {"bert", "albert"}:
        raise InputError(
            f"{name}: is a {given.model_type} model; only those of BERT's and ALBERT's layout can be continued"
        )
    if positions(given) < BLOCK + 2:
        raise InputError(f"{name}: takes {positions(given)} word pieces at once; pretraining reads {BLOCK + 2}")
    config = copy.deepcopy(given)
    for part in DROPOUT:
        setattr(config, part, 0.0)
    loaded = read_model(AutoModelForMaskedLM, name, revision, config)
    if loaded.tokenizer.mask_token_id is None:
        raise InputError(f"{name}: its tokenizer has no mask piece, and cannot hide words")
    # The class with the head leaves the pooler out; the one without has it.
    body = read_model(AutoModel, name, revision, config).model
    setattr(loaded.model, loaded.model.base_model_prefix, body)
    loaded.model.tie_weights()
    dropout = {part: getattr(given, part) for part in DROPOUT}
    dtype = given.dtype if isinstance(given.dtype, torch.dtype) else torch.float32
    return Published(loaded.model, loaded.tokenizer, loaded.revision, dropout, dtype)
