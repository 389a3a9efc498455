"""What encoders are worth: fine-tuned beside the same network from random weights, and TF-IDF, on the same sentences.

    python benchmarks/encoder.py [--encoder shipped=models/encoder] [--encoder first=OTHER/FOLDER] [--seeds 3] [--epochs 6]

Prints macro-F1 on test and on each of its parts, thresholds chosen on validation, with the 95 % bootstrap interval over articles
of the first seed, and the share of challenge sentences that are passed. Each run leaves a file in ``--out``, and is not repeated
while encoder, data and settings are the same; a run that was killed goes on where it was.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import datasets
import numpy as np
import pandas as pd
import torch
import typer
from transformers import AutoConfig, AutoModel, AutoTokenizer

from pipeline.config import load_config
from pipeline.corpus.challenge import Challenge, read_challenges
from pipeline.errors import InputError, user_errors
from pipeline.files import sha256, write_json
from pipeline.training.baselines import tfidf_probabilities
from pipeline.training.behaviour import passes
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import best_threshold, choose
from pipeline.training.evaluation import Predictions, rows_by_part
from pipeline.training.fine_tune import FineTuned, TrainConfig, fine_tune
from pipeline.training.inference import logits_of
from pipeline.training.metrics import bootstrap_interval, macro_f1
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.pretrain import pretrain
from pipeline.training.pretrain.text import TextSource

Figures = dict[str, Any]


@dataclass(frozen=True)
class Sentences:
    """What all contenders learn from and are measured on."""

    labels: list[str]
    splits: dict[str, datasets.Dataset]
    challenges: list[Challenge]
    fingerprint: str

    @classmethod
    def read(cls, dataset: Path, challenge: Path) -> "Sentences":
        summary = json.loads((dataset / "summary.json").read_text())
        splits = {name: load_split(dataset, name) for name in ("train", "validation", "test")}
        challenges = read_challenges(challenge, summary["labels"])
        return cls(summary["labels"], splits, challenges, json.dumps(summary["sha256"]) + sha256(challenge))

    def figures(self, predict: Callable[[Sequence[str]], Predictions], seed: int) -> Figures:
        """Measure ``predict`` on test and its parts, and on the challenge sentences."""
        test = self.splits["test"]
        truth, found = label_matrix(test, self.labels), predict(list(test["text"]))
        parts = rows_by_part(test["part"]) if "part" in test.column_names else {"test": list(range(len(test)))}
        scores = {}
        for part, rows in parts.items():
            true, predicted = truth[rows], found.predicted[rows]

            def statistic(chosen: np.ndarray, true: np.ndarray = true, predicted: np.ndarray = predicted) -> float:
                return macro_f1(true[chosen], predicted[chosen])

            low, high = bootstrap_interval(test.select(rows)["article_id"], statistic, seed)
            scores[part] = {"macro_f1": macro_f1(true, predicted), "low": low, "high": high}
        results = passes(self.challenges, predict([one.text for one in self.challenges]), self.labels)
        return {"parts": scores, "challenge": float(np.mean(results))}


def fine_tuned(sentences: Sentences, settings: TrainConfig, work: Path) -> tuple[FineTuned, Figures]:
    """Fine-tune as the stages do, going on with what a killed run has left in ``work``, and measure."""
    train, validation, test = (sentences.splits[name] for name in ("train", "validation", "test"))
    tuned = fine_tune(train, validation, sentences.labels, settings, work, resume=True, apart=test["text"])
    decision = choose(tuned.validation_logits, label_matrix(validation, sentences.labels), settings.seed)

    def predict(texts: Sequence[str]) -> Predictions:
        logits = logits_of(tuned.model, tuned.tokenizer, texts, settings.max_length, 64)
        return Predictions.at(decision.thresholds, decision.probabilities(logits))

    return tuned, sentences.figures(predict, settings.seed)


def linear(sentences: Sentences, seed: int) -> Figures:
    """Measure TF-IDF with logistic regression; its thresholds are chosen on validation, as the others' are."""
    train, validation = sentences.splits["train"], sentences.splits["validation"]
    others = [validation["text"], sentences.splits["test"]["text"], [one.text for one in sentences.challenges]]
    chosen, *found = tfidf_probabilities(train["text"], label_matrix(train, sentences.labels), *others, seed=seed)
    truth = label_matrix(validation, sentences.labels)
    thresholds = [best_threshold(chosen[:, column], truth[:, column], seed) for column in range(chosen.shape[1])]
    answers = iter(found)
    return sentences.figures(lambda _: Predictions.at(thresholds, next(answers)), seed)


def kept(path: Path, fingerprint: str, compute: Callable[[], Figures]) -> Figures:
    """Return the figures in ``path``, computed first unless they are there with this fingerprint."""
    if path.is_file():
        found: Figures = json.loads(path.read_text())
        if found["fingerprint"] == fingerprint:
            return found
    figures = compute() | {"fingerprint": fingerprint}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, figures)
    return figures


def fingerprint_of(sentences: Sentences, settings: TrainConfig, *folders: Path) -> str:
    """Hash data, settings and the files of models; of the latter not where they lie."""
    files = [file for folder in folders for file in sorted(folder.glob("*")) if file.is_file()]
    parts = [sentences.fingerprint, json.dumps(settings.model_dump(exclude={"encoder"})), *map(sha256, files)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def pretrained(sources: list[TextSource], folder: Path, settings: PretrainConfig, budget: Budget) -> "pd.Series[float]":
    """Pretrain an encoder in ``folder``, unless it is there, going on where a run was killed; return the end of its learning curve."""
    if not (folder / "config.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        pretrain(sources, folder, settings, budget, resume=True)
    return end_of_curve(folder)


def end_of_curve(encoder: Path) -> "pd.Series[float]":
    return pd.read_csv(encoder / "pretraining.csv").iloc[-1]


def random_twin(encoder: Path, folder: Path) -> Path:
    """Write an encoder of the same shape and tokenizer with fresh random weights."""
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.from_pretrained(encoder), dtype=torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    return folder


def named_folders(arguments: Sequence[str]) -> dict[str, Path]:
    """Read ``NAME=PATH`` arguments.

    Raises:
        InputError: one is not of this form, or no encoder lies there.
    """
    folders = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not (Path(path) / "config.json").is_file():
            raise InputError(f"{argument}: expected NAME=FOLDER, with an encoder in the folder")
        folders[name] = Path(path)
    return folders


def table(results: dict[str, list[Figures]]) -> str:
    """Return the figures as Markdown: a row per contender, a column per part of the test split."""
    parts = list(next(iter(results.values()))[0]["parts"])
    lines = [f"| contender | seeds | {' | '.join(parts)} | challenge |\n|{'---|' * (3 + len(parts))}"]
    for name, runs in results.items():
        cells = []
        for part in parts:
            scores = [run["parts"][part] for run in runs]
            each = ", ".join(f"{score['macro_f1']:.3f}" for score in scores)
            mean = np.mean([score["macro_f1"] for score in scores])
            cells.append(f"{mean:.3f} [{scores[0]['low']:.3f}, {scores[0]['high']:.3f}] ({each})")
        passed = np.mean([run["challenge"] for run in runs])
        lines.append(f"| {name} | {len(runs)} | {' | '.join(cells)} | {passed:.1%} |")
    return "\n".join(lines)


def main(
    encoder: Annotated[list[str], typer.Option(help="NAME=FOLDER; may be given again.")] = ["shipped=models/encoder"],  # noqa: B006
    twin: Annotated[bool, typer.Option(help="Also the first encoder's network from random weights.")] = True,
    dataset: Path = Path("data/dataset"),
    challenge: Path = Path("data/challenge/challenge.jsonl"),
    config: Path = Path("configs/train.yaml"),
    seeds: int = 3,
    epochs: int | None = None,
    out: Path = Path("reports/benchmarks/encoder"),
) -> None:
    with user_errors(), tempfile.TemporaryDirectory() as scratch:
        folders = named_folders(encoder)
        settings = load_config(config, TrainConfig)
        if epochs:
            settings = settings.model_copy(update={"epochs": epochs})
        sentences = Sentences.read(dataset, challenge)
        if twin:
            first = next(iter(folders))
            folders[f"{first}, random weights"] = random_twin(folders[first], Path(scratch) / "random")
        mark = fingerprint_of(sentences, settings)
        results = {
            "TF-IDF, logistic regression": [kept(out / "linear.json", mark, lambda: linear(sentences, settings.seed))]
        }
        for seed in range(settings.seed, settings.seed + seeds):
            for name, folder in folders.items():
                run = settings.model_copy(update={"encoder": str(folder), "revision": None, "seed": seed})
                path = out / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{seed}.json"
                figures = kept(
                    path,
                    fingerprint_of(sentences, run, folder),
                    lambda run=run, path=path: fine_tuned(sentences, run, path.with_suffix(".work"))[1],  # type: ignore[misc]
                )
                results.setdefault(name, []).append(figures)
                print(f"{name}, seed {seed}: {figures['parts']['test']['macro_f1']:.3f}", flush=True)
    print("\nMacro-F1: mean of the seeds [interval of the first] (each)\n\n" + table(results))
    write_json(out.with_suffix(".json"), results)


if __name__ == "__main__":
    typer.run(main)
