"""Export: calibration folded in, one graph for all shapes, equality asserted."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.special import expit
from torch import nn
from transformers import AutoModelForSequenceClassification, RobertaConfig, RobertaForSequenceClassification

from pipeline.files import sha256
from pipeline.training.decision import Decision
from pipeline.training.encoder import load_encoder
from pipeline.training.export import assert_equal, fold_calibration, output_layer

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


def test_weights_that_are_not_those_of_the_graph_are_found_out(checkpoint, tmp_path):
    """Every hash in the manifest is right: only comparison tells."""
    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(checkpoint / "model.safetensors")
    weights["classifier.bias"] += 0.1
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    manifest = json.loads((tmp_path / "netral.json").read_text())
    manifest["files"]["model.safetensors"] = sha256(tmp_path / "model.safetensors")
    (tmp_path / "netral.json").write_text(json.dumps(manifest))
    with pytest.raises(RuntimeError, match=r"transformers and the runtime differ by 0\.0\d+ in probability"):
        assert_equal(tmp_path, ["Bupati meminta pegawai menjaga netralitas."])
