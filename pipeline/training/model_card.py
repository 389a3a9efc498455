"""The README that travels with a checkpoint."""

from typing import Any

from pydantic import Field

from pipeline.classifier.checkpoint import Parity, Precision, Scheme
from pipeline.config import Config
from pipeline.corpus.labels import Labels

SCHEMES: dict[Scheme, str] = {
    "static": "activations keep to ranges that were seen there",
    "per-token": "activations have a scale per word piece",
    "feed-forward": "activations have a scale per word piece, and attention stays in fp32",
}


class CorpusFacts(Config):
    """What only its owner knows of a corpus, for the model card; nothing is said of what is left out.

    Attributes:
        license: of the checkpoint, as the Hugging Face hub abbreviates it.
        corpus: what the encoder was fine-tuned on: "Fine-tuned from … on {corpus}."
        caution: sentences on what the figures do not say.
    """

    license: str | None = Field(default=None, min_length=1)
    corpus: str | None = Field(default=None, min_length=1)
    caution: str | None = Field(default=None, min_length=1)


def checkpoint_card(
    labels: Labels,
    training: dict[str, Any],
    metrics: dict[str, Any],
    facts: CorpusFacts,
    parity: Parity,
    precision: Precision,
    precision_reason: str,
    scheme: Scheme,
) -> str:
    """Return the model card of an exported checkpoint, in Markdown.

    Args:
        training: the train stage's ``training.json``.
        metrics: the evaluate stage's ``metrics.json``.
        precision, precision_reason: the default, and why.
        scheme: of the int8 graph.
    """
    test = metrics["test"]
    rows = "\n".join(
        f"| `{label.name}` ({label.indonesian}) | {label.definition} | {scores['precision']:.3f} "
        f"| {scores['recall']:.3f} | {scores['f1']:.3f} | {scores['support']} |"
        for label in labels.labels
        for scores in [test[label.name]]
    )
    parity_rows = "\n".join(
        f"| {name} | {parity.f1['fp32'][name]:.3f} | {parity.f1['int8'][name]:.3f} "
        f"| {parity.flips.get(name, sum(parity.flips.values()))} |"
        for name in (*labels.names, "macro")
    )
    baselines = ", ".join(f"{name} {scores['macro_f1']:.3f}" for name, scores in metrics["baselines"].items())
    encoder = training["config"]["encoder"] + (f" at revision {training['revision']}" if training["revision"] else "")
    license_line = f"license: {facts.license}\n" if facts.license else ""
    corpus = f" on {facts.corpus}" if facts.corpus else ""
    caution = f" {facts.caution}" if facts.caution else ""
    return f"""---
language: id
{license_line}pipeline_tag: text-classification
tags: [multi-label, indonesian, elections, civil-service]
---

# netral checkpoint

Labels sentences of Indonesian election news by what they ask of the civil service. A sentence can carry several labels
or none.

| label | a sentence that … | precision | recall | F1 | sentences |
|---|---|---|---|---|---|
{rows}

Macro-F1 on the test split: **{test["macro_f1"]:.3f}** (95 % interval over articles {test["macro_f1_low"]:.3f} to
{test["macro_f1_high"]:.3f}); baselines on the same sentences: {baselines}.{caution}

## How it was made

Fine-tuned from `{encoder}`{corpus}. Probabilities are
calibrated on validation (Platt scaling, folded into the last layer); thresholds are chosen there, per label, and stand
in `netral.json`.

## How to use it

`netral classify`, or `transformers.pipeline("text-classification", "models/exported", top_k=None, truncation=True)` for
the probabilities of fp32. Input is one sentence at a time, as netral's segmentation cuts it; up to
{training["config"]["max_length"]} word pieces are read.

## Precision

`model.onnx` computes in fp32, as `transformers` does, `model-int8.onnx` in integers of 8 bits, which is quicker: weights are
rounded so that products change the least on training sentences (GPTQ); {SCHEMES[scheme]}.
{precision_reason} Netral therefore uses **{precision}** unless told otherwise.

| validation, {parity.sentences} sentences | fp32 F1 | int8 F1 | decisions that differ |
|---|---|---|---|
{parity_rows}

The largest difference of a probability is {parity.probability_difference:.3f}, of a logit {parity.logit_difference:.3f}.

## What it is not for

It says what a sentence does, not whether it is true, lawful or just, nor whether anybody broke a rule. Decisions about
people need a person.
"""
