"""The shape of a new encoder and the schedule of its pretraining."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.config import Config
from pipeline.training.pretrain.tokens import BLOCK


class PretrainConfig(Config):
    """``configs/pretrain.yaml``.

    Attributes:
        vocab_size: word pieces, special tokens included; at most 65,535, since token ids are kept as uint16.
        layers, hidden_size, heads, intermediate_size: the shape of the BERT encoder. A head has ``hidden_size / heads``
            dimensions, an even number; as many stand for positions when training starts.
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
    heads: int = Field(ge=2)
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

    @model_validator(mode="after")
    def heads_have_even_size(self) -> Self:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(f"hidden_size must be a multiple of twice the heads ({2 * self.heads})")
        return self

    @property
    def word_size(self) -> int:
        """Dimensions that stand for words when training starts; the rest, the size of a head, stand for positions."""
        return self.hidden_size - self.hidden_size // self.heads
