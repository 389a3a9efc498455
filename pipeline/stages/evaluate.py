"""Stage ``evaluate``: figures, plots and errors on the test split, beside two baselines."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import typer
from pydantic import Field
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pipeline import tracking
from pipeline.config import Config, Seed, load_config
from pipeline.corpus.challenge import read_challenges
from pipeline.corpus.labels import load_labels
from pipeline.errors import user_errors
from pipeline.files import whole_folder, write_json, write_table
from pipeline.training import plots
from pipeline.training.baselines import keyword_rules, tfidf_predictions
from pipeline.training.behaviour import PassRate, behaviour_page, pass_rates, passes
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import Decision
from pipeline.training.evaluation import Predictions, report_with_intervals, rows_by_part
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Report
from pipeline.training.sentence_report import error_page, prediction_table

# What the model is called beside the baselines.
OURS = "netral"


class EvaluateConfig(Config):
    """``configs/evaluate.yaml``.

    Attributes:
        batch_size: sentences at once.
        seed: of the bootstrap and of the baselines.
        listed_errors: how many errors the list of errors has, worst first.
    """

    batch_size: int = Field(ge=1)
    seed: Seed
    listed_errors: int = Field(ge=0)


def run(dataset: Path, model: Path, labels: Path, challenge: Path, config: Path, out: Path, metrics: Path) -> None:
    """Measure ``model`` on test, on each part of it, and on the challenge sentences, if there are any.

    ``metrics`` gets the figures, ``out`` plots, tables, predictions, errors and failed challenges.
    """
    settings = load_config(config, EvaluateConfig)
    declared = load_labels(labels)
    names = declared.names
    splits = {name: load_split(dataset, name) for name in ("train", "validation", "test")}
    texts = {name: list(rows["text"]) for name, rows in splits.items()}
    truth = {name: label_matrix(rows, names) for name, rows in splits.items()}
    decision = Decision(**json.loads((model / "decision.json").read_text()))
    training = json.loads((model / "training.json").read_text())
    run_id = json.loads((model / "run.json").read_text())["mlflow_run"]
    challenges = read_challenges(challenge, names) if challenge.is_file() else []
    with (model / "history.csv").open(newline="") as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

    # Tags, since the parameters of a run cannot change, and this stage may run again in the same run.
    tags = tracking.flatten({"stage": "evaluate", "evaluate": settings.model_dump()})
    with tracking.diary(run_id=run_id, tags=tags) as diary:
        network = AutoModelForSequenceClassification.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)

        def predict(sentences: list[str]) -> Predictions:
            logits = logits_of(network, tokenizer, sentences, training["config"]["max_length"], settings.batch_size)
            return Predictions.at(decision.thresholds, decision.probabilities(logits))

        ours = predict(texts["test"])
        challenged = predict([one.text for one in challenges])
        passed = passes(challenges, challenged, names)
        rates = pass_rates(challenges, passed)
        linear = tfidf_predictions(texts, truth, settings.seed)
        keywords = keyword_rules(texts["test"], names)
        contenders = {
            "keyword rules": Predictions(keywords.astype(np.float64), keywords),
            "TF-IDF with logistic regression": linear,
            OURS: ours,
        }
        test = splits["test"]
        parts = rows_by_part(test["part"])
        reports = {
            name: {
                part: report_with_intervals(
                    predictions.of(rows), truth["test"][rows], test.select(rows)["article_id"], names, settings.seed
                )
                for part, rows in parts.items()
            }
            for name, predictions in contenders.items()
        }
        with whole_folder(out) as folder:
            plots.precision_recall(truth["test"], ours, linear, decision.thresholds, declared, folder)
            plots.reliability(truth["test"], ours, declared, folder)
            plots.confusion(truth["test"], ours, declared, folder)
            plots.learning_curves(history, folder)
            plots.comparison(reports, declared, folder)
            pq.write_table(prediction_table(test, truth["test"], ours, names), folder / "predictions.parquet")
            page = error_page(test, truth["test"], ours, names, settings.listed_errors)
            (folder / "errors.md").write_text(page, encoding="utf-8")
            if challenges:
                page = behaviour_page(challenges, challenged, passed, names)
                (folder / "challenge.md").write_text(page, encoding="utf-8")
                write_table(folder / "challenge.csv", list(asdict(rates[0])), [list(asdict(r).values()) for r in rates])
            write_json(
                folder / "metrics.json",
                {name: {part: report.flat() for part, report in given.items()} for name, given in reports.items()},
            )
        summary = summarise(reports, rates)
        write_json(metrics, summary)
        diary.metrics(summary)
        diary.artifacts(out, "reports")
    for name, given in reports.items():
        for part, report in given.items():
            macro, low, high = (report.overall[figure] for figure in ("macro_f1", "macro_f1_low", "macro_f1_high"))
            print(f"{name}, {part}: macro-F1 {macro:.3f} [{low:.3f}, {high:.3f}]")


def summarise(reports: Mapping[str, Mapping[str, Report]], rates: Sequence[PassRate]) -> dict[str, Any]:
    """Return what ``metrics.json`` holds: our figures by part of test, those of the baselines, and shares of challenges."""
    figures = ("macro_f1", "macro_f1_low", "macro_f1_high", "micro_f1")
    summary: dict[str, Any] = {part: report.flat() for part, report in reports[OURS].items()}
    summary["baselines"] = {
        name: {
            **{figure: given["test"].overall[figure] for figure in figures},
            **{
                part: {figure: report.overall[figure] for figure in figures}
                for part, report in given.items()
                if part != "test"
            },
        }
        for name, given in reports.items()
        if name != OURS
    }
    if rates:
        summary["challenge"] = {
            kind: sum(rate.passed for rate in rates if rate.kind == kind)
            / sum(rate.total for rate in rates if rate.kind == kind)
            for kind in sorted({rate.kind for rate in rates})
        }
    return summary


def main(
    dataset: Path = Path("data/dataset"),
    model: Path = Path("models/fine-tuned"),
    labels: Path = Path("configs/labels.yaml"),
    challenge: Path = Path("data/challenge/challenge.jsonl"),
    config: Path = Path("configs/evaluate.yaml"),
    out: Path = Path("reports/evaluation"),
    metrics: Path = Path("reports/metrics.json"),
) -> None:
    with user_errors():
        run(dataset, model, labels, challenge, config, out, metrics)


if __name__ == "__main__":
    typer.run(main)
