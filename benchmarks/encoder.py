"""What the shipped encoder is worth: fine-tuned beside the same network from random weights, and TF-IDF, on the same sentences.

    python benchmarks/encoder.py [--encoder models/encoder] [--seeds 3] [--out reports/benchmarks/encoder.json]

Macro-F1 on test, thresholds chosen on validation; the interval is the 95 % bootstrap interval over articles of the first seed.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import typer
from transformers import AutoConfig, AutoModel, AutoTokenizer

from pipeline.config import load_config
from pipeline.files import write_json
from pipeline.training.baselines import tfidf_probabilities
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import best_threshold, choose
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Truth, bootstrap_interval, macro_f1


def random_twin(encoder: Path, folder: Path) -> Path:
    """Write an encoder of the same shape and tokenizer with fresh random weights."""
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.from_pretrained(encoder), dtype=torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    return folder


def main(
    encoder: Path = Path("models/encoder"),
    dataset: Path = Path("data/dataset"),
    config: Path = Path("configs/train.yaml"),
    seeds: int = 3,
    out: Path = Path("reports/benchmarks/encoder.json"),
) -> None:
    settings = load_config(config, TrainConfig)
    labels = json.loads((dataset / "summary.json").read_text())["labels"]
    splits = {name: load_split(dataset, name) for name in ("train", "validation", "test")}
    truth = {name: label_matrix(rows, labels) for name, rows in splits.items()}

    def measured(predicted: Truth) -> tuple[float, float, float]:
        low, high = bootstrap_interval(
            splits["test"]["article_id"], lambda rows: macro_f1(truth["test"][rows], predicted[rows]), settings.seed
        )
        return macro_f1(truth["test"], predicted), low, high

    results: dict[str, list[tuple[float, float, float]]] = {}
    validation, test = tfidf_probabilities(
        splits["train"]["text"],
        truth["train"],
        splits["validation"]["text"],
        splits["test"]["text"],
        seed=settings.seed,
    )
    thresholds = [
        best_threshold(validation[:, i], truth["validation"][:, i], settings.seed) for i in range(len(labels))
    ]
    results["TF-IDF, logistic regression"] = [measured((test >= np.array(thresholds)).astype(np.int8))]

    with tempfile.TemporaryDirectory() as scratch:
        twin = random_twin(encoder, Path(scratch) / "random")
        for seed in range(settings.seed, settings.seed + seeds):
            for name, folder in (("same network, random weights", twin), ("shipped encoder", encoder)):
                changed = settings.model_copy(update={"encoder": str(folder), "revision": None, "seed": seed})
                tuned = fine_tune(splits["train"], splits["validation"], labels, changed, Path(scratch) / "work")
                decision = choose(tuned.validation_logits, truth["validation"], seed)
                logits = logits_of(tuned.model, tuned.tokenizer, splits["test"]["text"], settings.max_length, 64)
                predicted = (decision.probabilities(logits) >= np.array(decision.thresholds)).astype(np.int8)
                results.setdefault(name, []).append(measured(predicted))

    print(f"| contender | macro-F1 on test, mean of seeds | each | 95 % interval, first seed |\n|{'---|' * 4}")
    for name, scores in results.items():
        each = ", ".join(f"{score:.3f}" for score, _, _ in scores)
        low, high = scores[0][1:]
        print(f"| {name} | {np.mean([score for score, _, _ in scores]):.3f} | {each} | {low:.3f} to {high:.3f} |")
    write_json(
        out,
        {
            name: [{"macro_f1": f, "low": low, "high": high} for f, low, high in scores]
            for name, scores in results.items()
        },
    )


if __name__ == "__main__":
    typer.run(main)
