"""The model card says what is known of a corpus and an encoder, and nothing else."""

import json
from pathlib import Path

import pytest

from pipeline.classifier.checkpoint import Parity
from pipeline.config import load_config
from pipeline.corpus.labels import Label, Labels
from pipeline.errors import InputError
from pipeline.stages.export import ExportConfig
from pipeline.training.model_card import CorpusFacts, checkpoint_card

ROOT = Path(__file__).parents[2]
SHIPPED = load_config(ROOT / "configs/export.yaml", ExportConfig).card
LABELS = Labels(labels=(Label(name="plea", indonesian="permohonan", definition="Begs.", colour="#000000"),))
TRAINING = {"config": {"encoder": "owner/encoder", "max_length": 77}, "revision": "abc123", "dataset": {}}
FIGURES = {"precision": 0.5, "recall": 0.25, "f1": 0.333, "support": 12}
METRICS = {
    "test": {"plea": FIGURES, "macro_f1": 0.333, "macro_f1_low": 0.2, "macro_f1_high": 0.4},
    "baselines": {"keyword rules": {"macro_f1": 0.1}},
}
PARITY = Parity(
    sentences=90,
    agreement=0.99,
    flips={"plea": 1},
    logit_difference=0.25,
    probability_difference=0.031,
    f1={"fp32": {"plea": 0.61, "macro": 0.61}, "int8": {"plea": 0.6, "macro": 0.6}},
)


def card(facts: CorpusFacts) -> str:
    return checkpoint_card(LABELS, TRAINING, METRICS, facts, PARITY, "fp32", "For a reason.", "static")


def test_nothing_is_claimed_of_a_corpus_without_facts():
    text = card(CorpusFacts())
    assert "Fine-tuned from `owner/encoder at revision abc123`. Probabilities" in text
    assert not [word for word in ("license", "synthetic", "language model", "netral corpus") if word in text]


def test_facts_of_a_corpus_stand_where_they_belong():
    text = card(CorpusFacts(license="cc-by-4.0", corpus="ten thousand pleas", caution="They are old."))
    assert text.startswith("---\nlanguage: id\nlicense: cc-by-4.0\npipeline_tag: text-classification\n")
    assert "Fine-tuned from `owner/encoder at revision abc123` on ten thousand pleas. Probabilities" in text
    assert "keyword rules 0.100. They are old.\n" in text


def test_the_shipped_facts_say_that_the_corpus_is_synthetic():
    text = card(SHIPPED)
    assert "license: mit\n" in text
    assert "on the netral corpus (articles written and annotated by a language model)." in text
    assert "The test split comes from the same synthetic corpus as the training data" in text


def test_figures_of_labels_and_of_precision_are_in_the_card():
    text = card(SHIPPED)
    assert "| `plea` (permohonan) | Begs. | 0.500 | 0.250 | 0.333 | 12 |" in text
    assert "| plea | 0.610 | 0.600 | 1 |\n| macro | 0.610 | 0.600 | 1 |" in text
    assert (
        "(GPTQ); activations keep to ranges that were seen there.\nFor a reason. Netral therefore uses **fp32** unless told otherwise."
        in text
    )
    assert "up to\n77 word pieces are read" in text


@pytest.mark.parametrize("name", ["license", "corpus", "caution"])
def test_an_empty_fact_is_no_fact(name, tmp_path):
    path = tmp_path / "export.yaml"
    path.write_text(
        json.dumps(
            {
                "compared_sentences": 1,
                "example_sentences": 1,
                "int8": {"f1_loss": 0, "agreement": 1},
                "card": {name: ""},
            }
        )
    )
    with pytest.raises(InputError, match=f"'card.{name}'"):
        load_config(path, ExportConfig)
