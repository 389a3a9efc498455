"""A published encoder goes on learning, in the layout that Indonesian BERT and ALBERT came with."""

import json
import random
from pathlib import Path

import pytest
import torch
from made_corpus import ARTICLES, sentences
from safetensors.torch import load_file
from transformers import (
    AlbertConfig,
    AlbertForPreTraining,
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    BertModel,
    RobertaConfig,
    RobertaModel,
)

from pipeline.errors import InputError
from pipeline.training.encoder import load_encoder
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import AdaptConfig
from pipeline.training.pretrain.pretrain import adapt
from pipeline.training.pretrain.published import load_published
from pipeline.training.pretrain.text import TextSource

SCHEDULE = AdaptConfig(
    batch_blocks=2,
    learning_rate=0.0005,
    warmup=0.1,
    weight_decay=0.01,
    mask_rate=0.15,
    final_mask_rate=0.15,
    summary_weight=0.0,
    seed=1,
)
BUDGET = Budget(minutes=0.02)
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}
DROPOUT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.2}


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    generator = random.Random(0)
    pool = [text for number in range(ARTICLES) for text, _ in sentences(number)]
    path = tmp_path_factory.mktemp("text") / "news.txt"
    path.write_text("".join(" ".join(generator.sample(pool, 8)) + "\n" for _ in range(201)))
    return path


def write_published(folder: Path, family: str, tokenizer, model: torch.nn.Module | None = None, **shape: int) -> Path:
    """Write nothing but the three files that IndoBERT has: a vocabulary, a configuration, and weights in torch's format."""
    folder.mkdir(parents=True)
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    # A few more embeddings than pieces, as IndoBERT has.
    values = SHAPE | DROPOUT | {"vocab_size": len(pieces) + 7} | shape
    torch.manual_seed(0)
    if family == "albert":
        values |= {"embedding_size": 16}
        model = model or AlbertForPreTraining(AlbertConfig(**values))
    else:
        model = model or BertForPreTraining(BertConfig(**values))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(values | {"model_type": family, "pad_token_id": 0}))
    return folder


@pytest.fixture(scope="module", params=["bert", "albert"])
def published(request, tiny_tokenizer, tmp_path_factory) -> Path:
    return write_published(tmp_path_factory.mktemp("published") / request.param, request.param, tiny_tokenizer)


@pytest.fixture(scope="module")
def adapted(published, text, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("adapted") / "encoder"
    adapt(str(published), None, [TextSource(text)], out, SCHEDULE, BUDGET)
    return out


def test_the_head_and_the_pooler_are_those_of_the_checkpoint(published):
    loaded = load_published(str(published), None)
    stored = torch.load(published / "pytorch_model.bin", weights_only=True)
    found = loaded.model.state_dict()
    for name in stored:
        if "seq_relationship" not in name and "sop_classifier" not in name and "position_ids" not in name:
            assert torch.equal(found[name], stored[name]), name
    decoder = loaded.model.get_output_embeddings()
    assert decoder.weight is loaded.model.get_input_embeddings().weight


def test_an_adapted_encoder_has_learned_and_kept_its_shape(published, adapted, tiny_tokenizer):
    stored = torch.load(published / "pytorch_model.bin", weights_only=True)
    found = load_file(adapted / "model.safetensors")
    embeddings = next(name for name in stored if name.endswith("word_embeddings.weight"))
    moved = (found[embeddings] - stored[embeddings]).abs().max()
    assert 1e-5 < moved < 0.5
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    model, tokenizer = AutoModel.from_pretrained(adapted), AutoTokenizer.from_pretrained(adapted)
    assert {name: getattr(model.config, name) for name in SHAPE | DROPOUT} == SHAPE | DROPOUT
    line = "Bupati meminta pegawai netral."
    assert tokenizer(line)["input_ids"] == tiny_tokenizer(line)["input_ids"]
    assert model.eval()(**tokenizer([line], return_tensors="pt")).pooler_output.shape == (1, 32)
    assert not adapted.with_name("encoder.pretrain").exists()


def test_a_pooler_that_is_not_trained_stays_as_it_was(published, adapted):
    stored = torch.load(published / "pytorch_model.bin", weights_only=True)
    found = load_file(adapted / "model.safetensors")
    pooler = [name for name in stored if ".pooler." in name]
    assert pooler
    assert all(torch.equal(found[name], stored[name]) for name in pooler)


def test_fine_tuning_takes_an_adapted_encoder(adapted):
    encoder = load_encoder(str(adapted), None, ["appeal", "sanction"])
    assert encoder.model(torch.tensor([[2, 10, 3]])).logits.shape == (1, 2)


def test_a_checkpoint_without_a_head_gets_a_fresh_one(tiny_tokenizer, text, tmp_path):
    config = BertConfig(vocab_size=len(tiny_tokenizer), **SHAPE)
    folder = write_published(
        tmp_path / "bare", "bert", tiny_tokenizer, BertModel(config), vocab_size=len(tiny_tokenizer)
    )
    adapt(str(folder), None, [TextSource(text)], tmp_path / "encoder", SCHEDULE, Budget(tokens=1000))
    assert "cls.predictions.transform.dense.weight" in load_file(tmp_path / "encoder/model.safetensors")


def test_an_encoder_that_has_changed_is_not_gone_on_with(tiny_tokenizer, text, tmp_path):
    folder = write_published(tmp_path / "published", "bert", tiny_tokenizer)
    arguments = [str(folder), None, [TextSource(text)], tmp_path / "encoder"]
    too_fast = SCHEDULE.model_copy(update={"learning_rate": float("inf")})
    with pytest.raises(
        InputError,
        match=r"at step \d+ the loss is no number any more; lower learning_rate, delete \S+encoder\.pretrain and",
    ):
        adapt(*arguments, too_fast, BUDGET)
    (folder / "note.txt").write_text("changed")
    with pytest.raises(InputError, match="was begun with other encoder; give"):
        adapt(*arguments, too_fast, BUDGET, resume=True)


def test_an_encoder_of_too_few_positions_is_refused(tiny_encoder):
    with pytest.raises(InputError, match="takes 64 word pieces at once; pretraining reads 122"):
        load_published(str(tiny_encoder), None)


def test_an_encoder_of_another_family_is_refused(tmp_path):
    RobertaModel(RobertaConfig(vocab_size=50, **SHAPE)).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="is a roberta model; only those of BERT's and ALBERT's layout"):
        load_published(str(tmp_path), None)
