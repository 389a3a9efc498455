"""Stage ``evaluate``: figures, plots and errors on the test split, beside two baselines."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import typer
from pydantic import Field
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pipeline import tracking
from pipeline.config import Config, load_config
from pipeline.corpus.challenge import read_challenges
from pipeline.corpus.labels import load_labels
from pipeline.errors import user_errors
from pipeline.files import whole_folder, write_json
from pipeline.training import plots
from pipeline.training.baselines import keyword_rules, tfidf_predictions
from pipeline.training.behaviour import behaviour_page, pass_rates, passes
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import Decision
from pipeline.training.evaluate_module import MultilabelReport
from pipeline.training.evaluation import Predictions, report_with_intervals
from pipeline.training.inference import logits_of
from pipeline.training.sentence_report import error_page, prediction_table


class EvaluateConfig(Config):
    """``configs/evaluate.yaml``.

    Attributes:
        batch_size: sentences at once.
        seed: of the bootstrap and of the baselines.
        listed_errors: how many errors the list of errors has, worst first.
    """

    batch_size: int = Field(ge=1)
    seed: int = Field(ge=0)
    listed_errors: int = Field(ge=0)


def run(dataset: Path, model: Path, labels: Path, challenge: Path, config: Path, out: Path, metrics: Path) -> None:
    """Measure ``model`` on test and on the challenge sentences, if there are any.

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
    challenges = read_challenges(challenge, names) if challenge.is_file() else []
    with (model / "history.csv").open(newline="") as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

    network = AutoModelForSequenceClassification.from_pretrained(model)
    tokenizer = AutoTokenizer.from_pretrained(model)

    def predict(sentences: list[str]) -> Predictions:
        logits = logits_of(network, tokenizer, sentences, training["config"]["max_length"], settings.batch_size)
        return Predictions.at(decision.thresholds, decision.probabilities(logits))

    ours = predict(texts["test"])
    challenged = predict([one.text for one in challenges])
    passed = passes(challenges, challenged, names)
    linear = tfidf_predictions(texts, truth, settings.seed)
    keywords = keyword_rules(texts["test"], names)
    contenders = {
        "keyword rules": Predictions(keywords.astype(np.float64), keywords),
        "TF-IDF with logistic regression": linear,
        "netral": ours,
    }
    test = splits["test"]
    reports = {
        name: report_with_intervals(predictions, truth["test"], test["article_id"], names, settings.seed)
        for name, predictions in contenders.items()
    }
    checked = MultilabelReport(names).compute(
        predictions=ours.probabilities, references=truth["test"], thresholds=decision.thresholds
    )
    assert checked["macro_f1"] == reports["netral"].overall["macro_f1"]

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
        write_json(folder / "metrics.json", {name: report.flat() for name, report in reports.items()})
    summary = {
        "test": reports["netral"].flat(),
        "baselines": {
            name: {average: report.overall[average] for average in ("macro_f1", "micro_f1")}
            for name, report in reports.items()
            if name != "netral"
        },
    }
    if challenges:
        rates = pass_rates(challenges, passed)
        kinds = {kind: [rate for rate in rates if rate.kind == kind] for kind in sorted({rate.kind for rate in rates})}
        summary["challenge"] = {
            kind: sum(r.passed for r in given) / sum(r.total for r in given) for kind, given in kinds.items()
        }
    write_json(metrics, summary)
    run_id = json.loads((model / "run.json").read_text())["mlflow_run"]
    # Tags, since the parameters of a run cannot change, and this stage may run again in the same run.
    tags = tracking.flatten({"stage": "evaluate", "evaluate": settings.model_dump()})
    with tracking.diary(run_id=run_id, tags=tags) as diary:
        diary.metrics(summary)
        diary.artifacts(out, "reports")
    for name, report in reports.items():
        macro, low, high = (report.overall[figure] for figure in ("macro_f1", "macro_f1_low", "macro_f1_high"))
        print(f"{name}: macro-F1 {macro:.3f} [{low:.3f}, {high:.3f}]")


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
