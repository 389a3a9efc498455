"""The start of pretraining is a model of neighbouring words; what it learns reaches every part of the encoder."""

import numpy as np
import pytest
import torch
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertSelfAttention

from pipeline.training.pretrain.masking import MaskedBatch, Vocabulary, mask_words
from pipeline.training.pretrain.objective import (
    Pretraining,
    attend_to_offset,
    new_model,
    sinusoids,
    smooth_inverse_frequency,
    start_attention,
    start_embeddings,
)

PIECES, HIDDEN, HEADS, LENGTH = 200, 64, 4, 30
WORDS = HIDDEN - HIDDEN // HEADS
SHAPE = BertConfig(
    vocab_size=PIECES,
    hidden_size=HIDDEN,
    num_hidden_layers=2,
    num_attention_heads=HEADS,
    intermediate_size=32,
    max_position_embeddings=LENGTH,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    attn_implementation="eager",
)


@pytest.fixture
def model() -> Pretraining:
    torch.manual_seed(0)
    return Pretraining(new_model(SHAPE), torch.ones(PIECES))


@pytest.fixture
def batch() -> MaskedBatch:
    content = torch.randint(5, PIECES, (8, LENGTH - 2), generator=torch.Generator().manual_seed(0))
    vocabulary = Vocabulary(2, 3, 4, torch.zeros(PIECES, dtype=torch.bool), torch.arange(5, PIECES))
    return mask_words(content, vocabulary, 0.2, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("offset", [-3, -1, 1, 2, 5])
@pytest.mark.parametrize("slot", [0, 3])
@torch.no_grad()
def test_a_head_that_is_set_to_an_offset_attends_to_it(offset, slot):
    torch.manual_seed(0)
    attention = BertSelfAttention(SHAPE).eval()
    for layer in (attention.query, attention.key):
        layer.bias.zero_()
    attend_to_offset(attention, slot, offset, WORDS)
    # Nothing but positions, strong enough that softmax is near a choice.
    states = torch.cat([torch.zeros(LENGTH, WORDS), 3 * sinusoids(LENGTH, HIDDEN - WORDS)], dim=1)
    _, weights = attention(states[None])
    for place in range(max(0, -offset), min(LENGTH, LENGTH - offset)):
        assert weights[0, slot, place].argmax() == place + offset
        assert weights[0, slot, place, place + offset] > 0.9


def test_positions_are_like_themselves_alone():
    vectors = sinusoids(LENGTH, 16)
    likeness = vectors @ vectors.T / 8
    assert torch.allclose(likeness.diagonal(), torch.ones(LENGTH))
    assert (likeness - torch.eye(LENGTH)).max() < 1e-5


@torch.no_grad()
def test_heads_of_a_started_network_attend_to_neighbours(model):
    start_embeddings(
        model,
        np.random.default_rng(0).normal(size=(PIECES, WORDS)).astype(np.float32),
        np.ones(PIECES, dtype=np.int64),
        0.05,
    )
    start_attention(model, WORDS, 0.05)
    ids = torch.randint(5, PIECES, (20, LENGTH), generator=torch.Generator().manual_seed(1))
    weights = model.language_model.bert.eval()(ids, output_attentions=True).attentions[0].mean(dim=0)
    inner = torch.arange(3, LENGTH - 3)
    for head, offset in ((0, -1), (1, 1), (2, -2)):
        assert (weights[head, inner].argmax(dim=1) == inner + offset).all()
    # The last head attends evenly.
    assert weights[3].max() < 2 / LENGTH


@torch.no_grad()
def test_embeddings_start_from_the_vectors_of_pieces_that_have_one(model):
    before = model.language_model.bert.embeddings.word_embeddings.weight.clone()
    vectors = np.random.default_rng(0).normal(size=(PIECES, WORDS)).astype(np.float32)
    vectors[100:] = 0  # too rare
    counts = np.arange(PIECES)
    start_embeddings(model, vectors, counts, 0.05)
    after = model.language_model.bert.embeddings.word_embeddings.weight
    assert torch.allclose(after[:100, :WORDS], torch.tensor(vectors[:100]) * 0.05)
    assert torch.equal(after[100:, :WORDS], before[100:, :WORDS])
    assert torch.allclose(after[:, WORDS:], before[:, WORDS:] * 0.1)
    chances = model.language_model.cls.predictions.bias.exp()
    assert torch.allclose(chances, torch.tensor((counts + 1) / (counts + 1).sum(), dtype=torch.float32))


def test_rare_words_weigh_more_than_frequent_ones_and_special_pieces_nothing():
    weights = smooth_inverse_frequency(np.array([1000, 1000, 500, 50, 5]), special=[0, 1])
    assert weights[:2].tolist() == [0, 0]
    assert weights[2] < weights[3] < weights[4]
    share = 500 / 2555
    assert weights[2].item() == pytest.approx(1e-3 / (1e-3 + share))


def test_the_output_layer_is_the_embedding_matrix(model):
    decoder = model.language_model.cls.predictions.decoder
    assert decoder.weight is model.language_model.bert.embeddings.word_embeddings.weight


def test_an_untrained_model_knows_nothing(model, batch):
    masked_loss, summary_loss, correct = model(batch)
    assert masked_loss.item() == pytest.approx(np.log(PIECES), rel=0.1)
    assert summary_loss.item() == pytest.approx(np.log(PIECES), rel=0.1)
    assert 0 <= correct < len(batch.targets) / 4


def test_the_summary_loss_trains_the_pooler_which_masked_words_do_not(model, batch):
    masked_loss, summary_loss, _ = model(batch)
    pooler = model.language_model.bert.pooler.dense.weight
    assert torch.autograd.grad(masked_loss, pooler, retain_graph=True, allow_unused=True) == (None,)
    assert torch.autograd.grad(summary_loss, pooler)[0].abs().sum() > 0


def test_a_few_steps_on_one_batch_name_its_hidden_words(model, batch):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        masked_loss, summary_loss, correct = model(batch)
        (masked_loss + 0.3 * summary_loss).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert correct == len(batch.targets)


def test_a_batch_that_hides_nothing_has_no_loss_and_no_gradient(model, batch):
    nothing = torch.zeros(0, dtype=torch.int64)
    masked, summary, correct = model(MaskedBatch(batch.input_ids, nothing, nothing, batch.content))
    assert (masked.item(), correct.item()) == (0, 0)
    (masked + summary).backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_without_a_summary_the_pooler_stays_as_it_is(batch):
    model = Pretraining(new_model(SHAPE), None)
    masked, summary, _ = model(batch)
    masked.backward()
    assert summary.item() == 0
    assert not any(weight.requires_grad for weight in model.language_model.bert.pooler.parameters())
    assert model.language_model.bert.embeddings.word_embeddings.weight.grad.abs().sum() > 0
