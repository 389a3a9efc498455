"""The README that travels with a checkpoint."""

from typing import Any

from pipeline.corpus.labels import Labels


def checkpoint_card(labels: Labels, training: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return the model card of an exported checkpoint, in Markdown.

    Args:
        training: the train stage's ``training.json``.
        metrics: the evaluate stage's ``metrics.json``.
    """
    test = metrics["test"]
    rows = "\n".join(
        f"| `{label.name}` ({label.indonesian}) | {label.definition} | {scores['precision']:.3f} "
        f"| {scores['recall']:.3f} | {scores['f1']:.3f} | {scores['support']} |"
        for label in labels.labels
        for scores in [test[label.name]]
    )
    baselines = ", ".join(f"{name} {scores['macro_f1']:.3f}" for name, scores in metrics["baselines"].items())
    encoder = training["config"]["encoder"] + (f" at revision {training['revision']}" if training["revision"] else "")
    return f"""---
language: id
license: mit
pipeline_tag: text-classification
tags: [multi-label, indonesian, elections, civil-service]
---

# netral checkpoint

Labels sentences of Indonesian election news by what they ask of the civil service. A sentence can carry several labels
or none.

| label | a sentence that … | precision | recall | F1 | sentences |
|---|---|---|---|---|---|
{rows}

Macro-F1 on the test split: **{test["macro_f1"]:.3f}** (95 % interval over articles {test["macro_f1_low"]:.3f} to
{test["macro_f1_high"]:.3f}); baselines on the same sentences: {baselines}. The test split comes from the same synthetic
corpus as the training data: figures on collected news may be lower.

## How it was made

Fine-tuned from `{encoder}` on the netral corpus (articles written and annotated by a language model). Probabilities are
calibrated on validation (Platt scaling, folded into the last layer); thresholds are chosen there, per label, and stand
in `netral.json`.

## How to use it

`netral classify`, or `transformers.pipeline("text-classification", "models/exported", top_k=None, truncation=True)` for
the same probabilities. Input is one sentence at a time, as netral's segmentation cuts it; up to
{training["config"]["max_length"]} word pieces are read.

## What it is not for

It says what a sentence does, not whether it is true, lawful or just, nor whether anybody broke a rule. Decisions about
people need a person.
"""
