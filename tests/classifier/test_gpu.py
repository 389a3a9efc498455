"""Torch computes what the runtime computes; a GPU only does it in fewer bits. Tested on torch's CPU device, in fp32."""

import numpy as np
import pytest
import torch
from made_corpus import ARTICLES, sentences

from pipeline.classifier import gpu
from pipeline.classifier.predict import Classifier, probabilities_of
from pipeline.errors import InputError

TEXTS = [*(text for number in range(ARTICLES) for text, _ in sentences(number)), "", "pegawai " * 100]


@pytest.fixture(scope="module")
def classifier(checkpoint) -> Classifier:
    return Classifier(checkpoint, "fp32")


@pytest.mark.parametrize("budget", [64, 65_536])
def test_torch_gives_the_scores_of_the_runtime(checkpoint, classifier, monkeypatch, budget):
    monkeypatch.setattr(gpu, "BATCH_TOKENS", budget)
    theirs = probabilities_of(gpu.logits_of(gpu.open_model(checkpoint, "cpu"), classifier.encode(TEXTS), 4))
    assert np.abs(theirs - classifier.score(TEXTS).probabilities).max() < 1e-5


def test_no_sentences_give_no_scores(checkpoint, classifier):
    assert gpu.logits_of(gpu.open_model(checkpoint, "cpu"), classifier.encode([]), 4).shape == (0, 4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_machine_without_a_gpu_refuses_in_one_line(checkpoint):
    with pytest.raises(InputError, match="cannot be loaded: torch finds no GPU") as refusal:
        Classifier(checkpoint, device="cuda")
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_stays_within_a_hundredth(checkpoint, classifier):
    ours = Classifier(checkpoint, device="cuda")
    assert ours.precision == "bf16"
    assert np.abs(ours.score(TEXTS).probabilities - classifier.score(TEXTS).probabilities).max() < 1e-2
