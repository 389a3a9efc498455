"""What pretraining asks of the encoder: name the hidden words, and sum up the text in ``[CLS]``."""

from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer, BertSelfAttention

from pipeline.training.pretrain.masking import MaskedBatch


class Pretraining(nn.Module):
    """BERT or ALBERT with its masked-language-model head, and a summary head on the pooler.

    The summary head predicts the bag of content words from the pooled ``[CLS]``, so that the vector that fine-tuning
    starts from already stands for the sentence; with masked language modelling alone, nothing trains it.

    Args:
        language_model: with a pooler in its encoder.
        word_weights: shape ``(vocab_size,)``, float32: how much each piece counts in the bag; ``None`` for no summary head.
    """

    word_weights: Tensor

    def __init__(self, language_model: PreTrainedModel, word_weights: Tensor | None) -> None:
        super().__init__()
        self.language_model = language_model
        self.summary: nn.Linear | None = None
        if word_weights is None:
            language_model.base_model.pooler.requires_grad_(False)
        else:
            self.summary = nn.Linear(language_model.config.hidden_size, self.decoder.in_features)
            self.register_buffer("word_weights", word_weights, persistent=False)

    @property
    def head(self) -> nn.Module:
        """From hidden states to logits."""
        return self.language_model.get_submodule("cls" if hasattr(self.language_model, "cls") else "predictions")

    @property
    def decoder(self) -> nn.Linear:
        """The last layer of the head; its weights are the embeddings."""
        decoder = self.language_model.get_output_embeddings()
        assert isinstance(decoder, nn.Linear)
        return decoder

    def forward(self, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the masked-word loss, the summary loss (both nats, scalar) and the number of hidden pieces named right."""
        encoded = self.language_model.base_model(batch.input_ids)
        # Only hidden positions are decoded: the vocabulary's product is as dear as the encoder itself.
        hidden = encoded.last_hidden_state.flatten(0, 1)[batch.positions]
        logits = self.head(hidden).float()
        # A small batch may hide no word at all; its loss is 0, not the mean of nothing.
        masked_loss = functional.cross_entropy(logits, batch.targets, reduction="sum") / max(len(batch.targets), 1)
        correct = (logits.argmax(dim=-1) == batch.targets).sum()
        if self.summary is None:
            return masked_loss, torch.zeros_like(masked_loss), correct

        bag = self.decoder(self.summary(encoded.pooler_output)).float()
        weights = self.word_weights[batch.content]
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)
        summary_loss = -(bag.log_softmax(dim=-1).gather(1, batch.content) * weights).sum(dim=1).mean()
        return masked_loss, summary_loss, correct


def new_model(config: BertConfig) -> BertForMaskedLM:
    """Return a BERT of random weights, with head and pooler."""
    model = BertForMaskedLM(config)
    model.bert = BertModel(config, add_pooling_layer=True)
    model.tie_weights()
    return model


def smooth_inverse_frequency(counts: NDArray[np.int64], special: Collection[int]) -> Tensor:
    """Weigh pieces by ``a / (a + p)`` with ``a = 1e-3`` (Arora, Liang, Ma 2017); the ``special`` pieces weigh nothing."""
    probability = counts / counts.sum()
    weights = 1e-3 / (1e-3 + probability)
    weights[list(special)] = 0
    return torch.tensor(weights, dtype=torch.float32)


def start_embeddings(model: Pretraining, vectors: NDArray[np.float32], counts: NDArray[np.int64], scale: float) -> None:
    """Start the embeddings from co-occurrence ``vectors`` and the output bias from log frequencies.

    Pieces too rare to have a vector keep their random start. The dimensions behind the vectors' are left to positions.

    Args:
        vectors: shape ``(vocab_size, words)`` with ``words < hidden_size``; standard deviation 1.
        counts: shape ``(vocab_size,)``, occurrences of each piece.
        scale: standard deviation that the embeddings get.
    """
    words = vectors.shape[1]
    known = torch.tensor(np.abs(vectors).sum(axis=1) > 0)
    with torch.no_grad():
        language_model = model.language_model
        assert isinstance(language_model, BertForMaskedLM)
        embeddings = language_model.bert.embeddings.word_embeddings.weight
        embeddings[known, :words] = torch.tensor(vectors)[known] * scale
        embeddings[:, words:] *= 0.1
        bias = language_model.cls.predictions.bias
        bias.copy_(torch.tensor(np.log((counts + 1) / (counts + 1).sum()), dtype=torch.float32))


def start_attention(model: Pretraining, words: int, scale: float) -> None:
    """Start the network as a model of neighbouring words, rather than on the plateau where it knows only frequencies.

    Positions become sinusoids of evenly spaced frequencies in the dimensions behind the first ``words``. By them, the heads
    of every layer start out attending to the word before, the word behind, and one further away; the others attend
    evenly. All pass on what they see, and the output head leaves it as it is.
    """
    language_model = model.language_model
    assert isinstance(language_model, BertForMaskedLM)
    bert = language_model.bert
    with torch.no_grad():
        positions = bert.embeddings.position_embeddings.weight
        positions[:, :words] *= 0.1
        positions[:, words:] = sinusoids(len(positions), positions.shape[1] - words) * scale * 2**0.5
        through = torch.eye(positions.shape[1])
        language_model.cls.predictions.transform.dense.weight.add_(through)
        through[words:] = 0
        for number, layer in enumerate(bert.encoder.layer):
            assert isinstance(layer, BertLayer) and isinstance(layer.attention.self, BertSelfAttention)
            far = (2 + number // 2) * (-1) ** number
            # At least one head is left to attend evenly.
            for slot, offset in enumerate((-1, 1, -far)[: bert.config.num_attention_heads - 1]):
                attend_to_offset(layer.attention.self, slot, offset, words)
            layer.attention.self.value.weight.add_(through)
            layer.attention.output.dense.weight.add_(through * 0.5)


def frequencies(count: int) -> Tensor:
    """Return ``count`` evenly spaced frequencies in (0, pi).

    The sum of their cosines is 0 at all whole offsets but multiples of ``2 * count``, and ``-count`` at ``2 * count`` itself:
    up to ``4 * count`` positions are told apart.
    """
    return torch.pi * (torch.arange(count) + 0.5) / count


def sinusoids(positions: int, size: int) -> Tensor:
    """Return position vectors of sines (first half) and cosines (second half). Shape ``(positions, size)``."""
    angle = torch.arange(positions)[:, None] * frequencies(size // 2)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def attend_to_offset(attention: BertSelfAttention, slot: int, offset: int, words: int) -> None:
    """Set head ``slot`` to attend from each position to the one ``offset`` further on.

    It goes by the sinusoids behind the first ``words`` dimensions.
    """
    size = attention.attention_head_size
    positions = attention.query.in_features - words
    rows = slice(slot * size, slot * size + positions)
    turn = offset * frequencies(positions // 2)
    sine, cosine = torch.diag(turn.sin()), torch.diag(turn.cos())
    rotation = torch.cat([torch.cat([cosine, sine], dim=1), torch.cat([-sine, cosine], dim=1)])
    attention.query.weight[rows, words:] = rotation
    attention.key.weight[rows, words:] = torch.eye(positions)
