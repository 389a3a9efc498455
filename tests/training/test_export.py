"""Export: calibration folded in, one graph for all shapes, equality asserted."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.special import expit
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, RobertaConfig, RobertaForSequenceClassification

from pipeline.classifier.checkpoint import version_of
from pipeline.classifier.predict import Classifier
from pipeline.files import sha256
from pipeline.training.decision import Decision
from pipeline.training.encoder import load_encoder
from pipeline.training.export import assert_equal, fold_calibration, output_layer, write_graph

DECISION = Decision(slopes=[0.5, 2.0, 1.0], intercepts=[0.3, -1.0, 0.0], thresholds=[0.5] * 3)
IDS = torch.tensor([[2, 30, 40, 3, 0, 0], [2, 50, 60, 70, 80, 3]])
MASK = (IDS > 0).long()


@pytest.fixture(scope="module")
def model(tiny_encoder):
    model = load_encoder(str(tiny_encoder), None, ["a", "b", "c"]).model.eval()
    with torch.no_grad():  # a fresh head has no bias, and hides what becomes of it
        model.classifier.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
    return model


@torch.no_grad()
def logits(model: nn.Module, ids: torch.Tensor = IDS, mask: torch.Tensor = MASK) -> np.ndarray:
    return model(input_ids=ids, attention_mask=mask).logits.double().numpy()


def test_folded_logits_give_the_calibrated_probabilities(model):
    folded = logits(fold_calibration(model, DECISION))
    assert expit(folded) == pytest.approx(DECISION.probabilities(logits(model)), abs=1e-6)


def test_folding_leaves_the_model_itself_as_it_was(model):
    before = logits(model)
    fold_calibration(model, DECISION)
    assert np.array_equal(logits(model), before)


def test_a_head_of_several_layers_is_folded_in_its_last():
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    roberta = RobertaForSequenceClassification(RobertaConfig(vocab_size=100, num_labels=3, **shape)).eval()
    assert output_layer(roberta) is roberta.classifier.out_proj
    folded = logits(fold_calibration(roberta, DECISION))
    assert expit(folded) == pytest.approx(DECISION.probabilities(logits(roberta)), abs=1e-6)


def test_the_graph_takes_any_number_of_sentences_and_pieces_and_heeds_the_mask(checkpoint):
    reference = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    session = onnxruntime.InferenceSession(str(checkpoint / "model.onnx"), providers=["CPUExecutionProvider"])
    for sentences, length in ((1, 1), (1, 64), (2, 6), (9, 33)):
        ids = torch.randint(5, 300, (sentences, length), generator=torch.Generator().manual_seed(length))
        # Each sentence is one piece longer than the one before.
        mask = (torch.arange(length) <= torch.arange(sentences)[:, None] + length - sentences).long()
        (given,) = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        assert given == pytest.approx(logits(reference, ids, mask), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("kind", ["roberta", "electra", "albert"])
def test_other_encoders_of_the_family_are_exported_as_they_are(kind, tmp_path):
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(
        kind,
        vocab_size=100,
        num_labels=3,
        embedding_size=16,
        initializer_range=0.5,
        max_position_embeddings=40,
        **shape,
    )
    model = AutoModelForSequenceClassification.from_config(config).eval()
    write_graph(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for ids, mask in ((IDS, MASK), (IDS.clamp(min=1).repeat(3, 5), MASK.repeat(3, 1).repeat_interleave(5, dim=1))):
        ids = torch.where(mask == 1, ids.clamp(min=2), config.pad_token_id)
        (given,) = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        assert given == pytest.approx(logits(model, ids, mask), rel=1e-4, abs=1e-5)


def test_graphs_do_not_say_where_they_were_made(checkpoint):
    for name in ("model.onnx", "model-int8.onnx"):
        assert b".py" not in (checkpoint / name).read_bytes()


def test_the_model_itself_stays_as_it_was(model, tmp_path):
    """The graph's short cuts are taken on a copy."""
    before = logits(model)
    write_graph(model, tmp_path / "model.onnx")
    assert np.array_equal(logits(model), before)
    assert not model.bert.encoder.layer[-1].attention.output._forward_pre_hooks


@pytest.fixture(scope="module")
def compared(workplace) -> list[str]:
    """Sentences that the parity report is about."""
    return pq.read_table(workplace.dataset / "validation.parquet")["text"].to_pylist()


@pytest.fixture
def copy(checkpoint, tmp_path):
    """A checkpoint to change, in ways that its manifest vouches for."""
    return Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))


def vouch(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "netral.json").read_text()) | values
    manifest["files"] = {name: sha256(folder / name) for name in manifest["files"]}
    manifest["version"] = version_of(manifest)
    (folder / "netral.json").write_text(json.dumps(manifest))


def test_weights_that_are_not_those_of_the_graph_are_found_out(copy, compared):
    """Every hash in the manifest is right: only comparison tells."""
    weights = load_file(copy / "model.safetensors")
    weights["classifier.bias"] += 0.1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    vouch(copy)
    with pytest.raises(RuntimeError, match=r"transformers and the runtime differ by 0\.0\d+ in probability"):
        assert_equal(copy, compared)


def test_an_int8_default_must_keep_to_its_parity_report(copy, checkpoint, compared):
    manifest = Classifier(checkpoint).manifest
    vouch(copy, precision="int8")
    assert_equal(copy, compared)
    vouch(copy, precision="int8", parity=manifest.parity.model_dump() | {"probability_difference": 0.0})
    with pytest.raises(RuntimeError, match=r"in int8 differ by 0\.\d+ in probability, the parity report says 0$"):
        assert_equal(copy, compared)
