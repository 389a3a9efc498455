"""The shape of a new encoder, and the schedule of its pretraining or of a published one's."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.config import Config, Seed
from pipeline.training.pretrain.tokens import BLOCK


class AdaptConfig(Config):
    """``configs/adapt.yaml``: how a published encoder goes on learning; and what a new one's schedule has too.

    Attributes:
        batch_blocks: blocks of 120 tokens per optimiser step, over all processes.
        batch_ramp: share of the run over which the blocks per step rise linearly from a quarter of ``batch_blocks``.
        learning_rate: peak; rises linearly during ``warmup`` (share of the run) and falls linearly to zero.
        weight_decay: AdamW's, on matrices only.
        max_gradient_norm: gradients are clipped to it.
        mask_rate, final_mask_rate: share of words that are hidden, at the start and at the end of the run.
        summary_weight: weight of the loss that has ``[CLS]`` predict the bag of words; 0 leaves the pooler as it is.
        tokens_read: tokens of this very text that the encoder has read before, with the same ``seed``; reading begins behind them.
        seed: of everything random.
    """

    batch_blocks: int = Field(ge=1)
    batch_ramp: float = Field(default=0.0, ge=0, le=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    mask_rate: float = Field(gt=0, lt=1)
    final_mask_rate: float = Field(gt=0, lt=1)
    summary_weight: float = Field(ge=0)
    tokens_read: int = Field(default=0, ge=0)
    seed: Seed


class PretrainConfig(AdaptConfig):
    """``configs/pretrain.yaml``.

    Attributes:
        vocab_size: word pieces, special tokens included; at most 65,535, since token ids are kept as uint16.
        layers, hidden_size, heads, intermediate_size: the shape of the BERT encoder. A head has ``hidden_size / heads``
            dimensions, an even number; as many stand for positions when training starts.
        max_length: positions, in tokens; longer texts are cut in use. Blocks of pretraining have 122.
        embedding_epochs: passes of skip-gram over the tokens before pretraining; 0 starts from random embeddings.
        embedding_scale: standard deviation that the co-occurrence vectors are scaled to.
    """

    vocab_size: int = Field(ge=100, le=65_535)
    layers: int = Field(ge=1)
    hidden_size: int = Field(ge=8)
    heads: int = Field(ge=2)
    intermediate_size: int = Field(ge=8)
    max_length: int = Field(ge=BLOCK + 2)
    embedding_epochs: int = Field(ge=0)
    embedding_scale: float = Field(gt=0)

    @model_validator(mode="after")
    def heads_have_even_size(self) -> Self:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(f"hidden_size must be a multiple of twice the heads ({2 * self.heads})")
        return self

    @property
    def word_size(self) -> int:
        """Dimensions that stand for words when training starts; the rest, the size of a head, stand for positions."""
        return self.hidden_size - self.hidden_size // self.heads
