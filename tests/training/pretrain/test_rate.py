"""How much arithmetic a step of pretraining is, counted from its shapes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AlbertConfig, AlbertForMaskedLM, AlbertModel, BertConfig

from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.objective import Pretraining, new_model
from pipeline.training.pretrain.rate import matrix_rate, step_flops

PIECES = 200
SHAPE = {
    "vocab_size": PIECES,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "attn_implementation": "eager",
}
BERT = BertConfig(**SHAPE, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
ALBERT = AlbertConfig(**SHAPE, embedding_size=16)


@pytest.fixture
def batch() -> MaskedBatch:
    content = torch.randint(5, PIECES, (6, 30), generator=torch.Generator().manual_seed(0))
    vocabulary = Vocabulary(2, 3, 4, torch.zeros(PIECES, dtype=torch.bool), torch.arange(5, PIECES))
    return mask_words(content, vocabulary, 0.2, torch.Generator().manual_seed(0))


def albert() -> AlbertForMaskedLM:
    model = AlbertForMaskedLM(ALBERT)
    model.albert = AlbertModel(ALBERT)
    model.tie_weights()
    return model


@pytest.mark.parametrize("summary", [True, False])
@pytest.mark.parametrize("family", ["bert", "albert"])
def test_the_count_is_that_of_torch(batch, family, summary):
    model = Pretraining(new_model(BERT) if family == "bert" else albert(), torch.ones(PIECES) if summary else None)
    with FlopCounterMode(display=False) as counter:
        masked, summed, _ = model(batch)
        (masked + summed).backward()
    # Torch also counts the pooler where nothing learns from it.
    assert step_flops(model.language_model.config, batch, summary) == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_the_rate_of_matrix_products_is_that_of_a_computer():
    assert 1e8 < matrix_rate(torch.device("cpu"), seconds=0.05) < 1e14
