"""The state of pretraining: whole or not at all, without pickle."""

import pytest
import torch
from torch import nn
from transformers import BertConfig

from pipeline.training.pretrain.objective import Pretraining, new_model
from pipeline.training.pretrain.state import Position, load_state, save_state, unique

SHAPE = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


def begin(seed: int) -> tuple[Pretraining, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = Pretraining(new_model(SHAPE), torch.ones(50))
    return model, torch.optim.AdamW(model.parameters(), lr=0.01)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, times: int) -> float:
    """Take some steps that depend on nothing but the model and the optimiser; return the last loss."""
    for _ in range(times):
        loss = model.language_model(torch.arange(10)[None], labels=torch.arange(10)[None]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def test_a_run_goes_on_from_its_state_as_if_it_had_never_stopped(tmp_path):
    model, optimizer = begin(seed=0)
    step(model, optimizer, 3)
    save_state(tmp_path, model, optimizer, Position(3, 30, 1.5))
    expected = step(model, optimizer, 3)

    other, fresh = begin(seed=1)
    assert load_state(tmp_path, other, fresh) == Position(3, 30, 1.5)
    assert step(other, fresh, 3) == expected


def test_tied_weights_are_still_tied_after_loading(tmp_path):
    model, optimizer = begin(seed=0)
    step(model, optimizer, 1)
    save_state(tmp_path, model, optimizer, Position(1))
    other, fresh = begin(seed=1)
    load_state(tmp_path, other, fresh)
    embeddings = other.language_model.bert.embeddings.word_embeddings.weight
    assert other.language_model.cls.predictions.decoder.weight is embeddings
    assert torch.equal(embeddings, model.language_model.bert.embeddings.word_embeddings.weight)


def test_every_tensor_is_kept_once():
    model, _ = begin(seed=0)
    kept = unique(model)
    assert len({tensor.data_ptr() for tensor in kept.values()}) == len(kept)
    assert {tensor.data_ptr() for tensor in model.state_dict().values()} == {t.data_ptr() for t in kept.values()}


def test_only_the_last_state_is_kept_in_formats_without_code(tmp_path):
    model, optimizer = begin(seed=0)
    for number in (1, 2):
        step(model, optimizer, 1)
        save_state(tmp_path, model, optimizer, Position(number))
    assert {path.name for path in tmp_path.iterdir()} == {
        "model-2.safetensors",
        "optimizer-2.safetensors",
        "position.json",
    }


@pytest.mark.parametrize("written", [["model-2.safetensors"], ["model-2.safetensors", "optimizer-2.safetensors"]])
def test_a_state_that_was_cut_off_leaves_the_one_before(tmp_path, written):
    model, optimizer = begin(seed=0)
    step(model, optimizer, 1)
    save_state(tmp_path, model, optimizer, Position(1, 10, 0.5))
    for name in written:
        (tmp_path / name).write_bytes(b"cut off")
    (tmp_path / "position.json.partial").write_text('{"step": 2')
    other, fresh = begin(seed=1)
    assert load_state(tmp_path, other, fresh) == Position(1, 10, 0.5)
    step(other, fresh, 1)
    save_state(tmp_path, other, fresh, Position(2))
    assert load_state(tmp_path, *begin(seed=2)) == Position(2)
