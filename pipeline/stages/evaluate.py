"""Stage ``evaluate``: figures, plots and errors on the test split, beside two baselines."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from pydantic import Field
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pipeline import tracking
from pipeline.config import Config, load_config
from pipeline.corpus.labels import load_labels
from pipeline.errors import user_errors
from pipeline.files import whole_folder, write_json
from pipeline.training import plots
from pipeline.training.baselines import keyword_rules, tfidf_probabilities
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import Decision, best_threshold
from pipeline.training.evaluate_module import MultilabelReport
from pipeline.training.evaluation import Predictions, errors_worst_first, report_with_intervals
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Truth


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


def run(dataset: Path, model: Path, labels: Path, config: Path, out: Path, metrics: Path) -> None:
    """Measure ``model`` on test; write ``metrics``, and plots, tables, predictions and errors to ``out``."""
    settings = load_config(config, EvaluateConfig)
    declared = load_labels(labels)
    names = declared.names
    splits = {name: load_split(dataset, name) for name in ("train", "validation", "test")}
    truth = {name: label_matrix(rows, names) for name, rows in splits.items()}
    test, test_truth = splits["test"], truth["test"]
    decision = Decision(**json.loads((model / "decision.json").read_text()))
    training = json.loads((model / "training.json").read_text())

    network = AutoModelForSequenceClassification.from_pretrained(model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    probabilities = decision.probabilities(
        logits_of(network, tokenizer, test["text"], training["config"]["max_length"], settings.batch_size)
    )
    contenders = {
        "keyword rules": _keywords(test["text"], names),
        "TF-IDF, logistic regression": _tfidf(splits, truth, settings.seed),
        "netral": Predictions(probabilities, (probabilities >= np.array(decision.thresholds)).astype(np.int8)),
    }
    reports = {
        name: report_with_intervals(given, test_truth, test["article_id"], names, settings.seed)
        for name, given in contenders.items()
    }
    ours = contenders["netral"]
    checked = MultilabelReport(names).compute(
        predictions=ours.probabilities, references=test_truth, thresholds=decision.thresholds
    )
    assert checked is not None and checked["macro_f1"] == reports["netral"]["macro_f1"]

    with whole_folder(out) as folder:
        plots.precision_recall(
            test_truth, ours, contenders["TF-IDF, logistic regression"], decision.thresholds, declared, folder
        )
        plots.reliability(test_truth, ours, declared, folder)
        plots.confusion(test_truth, ours, declared, folder)
        with (model / "history.csv").open(newline="") as file:
            plots.learning_curves(
                [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)], folder
            )
        plots.comparison(
            {
                name: (
                    np.array([report[label]["f1"] for label in names]),
                    report["macro_f1_low"],
                    report["macro_f1_high"],
                )
                for name, report in reports.items()
            },  # type: ignore[index,misc]
            declared,
            folder,
        )
        _write_predictions(test, test_truth, ours, names, folder)
        _write_errors(test, test_truth, ours, names, settings.listed_errors, folder / "errors.md")
        write_json(folder / "metrics.json", reports)
    summary = {
        "test": reports["netral"],
        "baselines": {
            name: {"macro_f1": report["macro_f1"], "micro_f1": report["micro_f1"]}
            for name, report in reports.items()
            if name != "netral"
        },
    }
    write_json(metrics, summary)
    with tracking.diary(
        run_id=json.loads((model / "run.json").read_text())["mlflow_run"], tags={"stage": "evaluate"}
    ) as diary:
        diary.parameters({"evaluate": settings.model_dump()})
        diary.metrics(summary)
        diary.artifacts(out, "reports")
    for name, report in reports.items():
        print(
            f"{name}: macro-F1 {report['macro_f1']:.3f} [{report['macro_f1_low']:.3f}, {report['macro_f1_high']:.3f}]"
        )


def _keywords(texts: list[str], labels: list[str]) -> Predictions:
    predicted = keyword_rules(texts, labels)
    return Predictions(predicted.astype(np.float64), predicted)


def _tfidf(splits: dict[str, object], truth: dict[str, Truth], seed: int) -> Predictions:
    """Fit the linear baseline on train and choose its thresholds on validation, as the model's are."""
    validation, test = tfidf_probabilities(
        splits["train"]["text"], truth["train"], splits["validation"]["text"], splits["test"]["text"], seed=seed
    )  # type: ignore[index]
    thresholds = [
        best_threshold(validation[:, column], truth["validation"][:, column], seed)
        for column in range(validation.shape[1])
    ]
    return Predictions(test, (test >= np.array(thresholds)).astype(np.int8))


def _write_predictions(test: object, truth: Truth, ours: Predictions, labels: list[str], folder: Path) -> None:
    table = test.data.table.drop_columns(["labels"])  # type: ignore[attr-defined]
    for name, matrix in (("labels", truth), ("predicted", ours.predicted)):
        table = table.append_column(
            name, pa.array([[label for label, carries in zip(labels, row, strict=True) if carries] for row in matrix])
        )
    for column, label in enumerate(labels):
        table = table.append_column(f"score_{label}", pa.array(ours.probabilities[:, column]))
    pq.write_table(table, folder / "predictions.parquet")


def _write_errors(test: object, truth: Truth, ours: Predictions, labels: list[str], most: int, path: Path) -> None:
    """List wrong sentences between their neighbours, the surest mistakes first."""
    rows = list(test)  # type: ignore[call-overload]
    worst = errors_worst_first(truth, ours)
    lines = [
        f"# Errors on test, worst first\n\n{len(worst)} of {len(rows)} sentences are labelled wrongly in some way; the first {min(most, len(worst))} follow.\n"
    ]
    for row in worst[:most]:
        one = rows[row]

        def near(step: int, row: int = row) -> str:
            at = row + step
            inside = 0 <= at < len(rows) and rows[at]["article_id"] == rows[row]["article_id"]
            return " ".join(rows[at]["text"].split()) if inside else "…"

        def named(matrix: Truth, row: int = row) -> str:
            return ", ".join(label for label, carries in zip(labels, matrix[row], strict=True) if carries) or "none"

        scores = ", ".join(f"{label} {score:.2f}" for label, score in zip(labels, ours.probabilities[row], strict=True))
        lines.append(
            f"## {one['article_id']}, sentence {one['index']}\n\n{near(-1)} **{' '.join(one['text'].split())}** {near(1)}\n\n"
            f"is *{named(truth)}*, was given *{named(ours.predicted)}* ({scores})\n"
        )
    path.write_text("\n".join(lines), encoding="utf-8")


def main(
    dataset: Path = Path("data/dataset"),
    model: Path = Path("models/fine-tuned"),
    labels: Path = Path("configs/labels.yaml"),
    config: Path = Path("configs/evaluate.yaml"),
    out: Path = Path("reports/evaluation"),
    metrics: Path = Path("reports/metrics.json"),
) -> None:
    with user_errors():
        run(dataset, model, labels, config, out, metrics)


if __name__ == "__main__":
    typer.run(main)
