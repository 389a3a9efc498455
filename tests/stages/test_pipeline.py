"""Every stage over a small corpus: what it promises to write, and that the pieces fit together."""

import csv
import json
import sys
from collections import Counter
from itertools import product

import datasets
import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import transformers
from made_corpus import ARTICLES, LINK, article_id, sentences
from safetensors.numpy import load_file

from pipeline.classifier.checkpoint import Manifest, version_of
from pipeline.classifier.predict import Classifier
from pipeline.config import load_config
from pipeline.corpus.duplicates import character_shingles, jaccard
from pipeline.corpus.records import normalise
from pipeline.files import sha256
from pipeline.stages import dataset, segment
from pipeline.training.fine_tune import TrainConfig

LABELS = ["appeal", "prohibition", "sanction", "logistics"]
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def splits(workplace, tmp_path_factory) -> datasets.DatasetDict:
    """The dataset stage's output, as anybody would load it."""
    files = {name: str(workplace.dataset / f"{name}.parquet") for name in SPLITS}
    return datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def client(workplace) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(workplace.store)


@pytest.fixture(scope="module")
def run(client):
    """The run of the workplace: the only one, or this fails."""
    (experiment,) = client.search_experiments(filter_string="name = 'netral'")
    (run,) = client.search_runs([experiment.experiment_id])
    return run


@pytest.fixture(scope="module")
def classifier(checkpoint) -> Classifier:
    return Classifier(checkpoint)


@pytest.fixture(scope="module")
def texts(splits) -> list[str]:
    return list(splits["test"]["text"])


# segment


def test_segment_writes_every_sentence_with_its_offsets(workplace):
    articles = {article["id"]: article for article in map(json.loads, (workplace / "data/articles/made.jsonl").open())}
    rows = pq.read_table(workplace / "data/sentences/sentences.parquet").to_pylist()
    assert [(row["article_id"], row["text"]) for row in rows] == [
        (article_id(number), text) for number in range(ARTICLES) for text, _ in sentences(number)
    ]
    for row in rows:
        whole = articles[row["article_id"]]["title" if row["field"] == "title" else "text"]
        assert whole[row["start"] : row["end"]] == row["text"]


def test_segment_keeps_what_it_removed_and_why(workplace):
    articles = {article["id"]: article for article in map(json.loads, (workplace / "data/articles/made.jsonl").open())}
    removed = pq.read_table(workplace / "data/sentences/removed.parquet").to_pylist()
    assert {articles[row["article_id"]]["text"][row["start"] : row["end"]] for row in removed} == {LINK}
    summary = json.loads((workplace / "data/sentences/summary.json").read_text())
    assert summary.pop("config") == {"heading_words": 14, "few_words": 4}
    assert summary == {"articles": ARTICLES, "sentences": 7 * ARTICLES, "removed": {"related": ARTICLES}}


# dataset


def test_dataset_loads_with_the_promised_columns(splits):
    for name in SPLITS:
        assert splits[name].column_names == [
            "article_id",
            "index",
            "field",
            "start",
            "end",
            "text",
            "labels",
            "source",
            "published",
            "part",
        ]
        assert splits[name].features["labels"].feature == datasets.Value("string")
        assert splits[name].features["published"] == datasets.Value("date32")


def test_dataset_keeps_every_sentence_once_with_its_labels(splits):
    rows = [(row["article_id"], row["text"], tuple(row["labels"])) for name in SPLITS for row in splits[name]]
    assert Counter(rows) == Counter(
        (article_id(number), text, labels) for number in range(ARTICLES) for text, labels in sentences(number)
    )


def test_no_article_stands_in_two_splits(splits):
    members = [set(splits[name]["article_id"]) for name in SPLITS]
    assert all(members)
    assert sum(map(len, members)) == len(set.union(*members)) == ARTICLES


def test_a_held_cell_is_tested_apart_and_never_trained_on(workplace, splits):
    parts = dict(zip(splits["test"]["article_id"], splits["test"]["part"], strict=True))
    assert {name for name, part in parts.items() if part == "cells"} == {"made-05", "made-13"}
    assert set(parts.values()) == {"cells", "random"}
    assert set(splits["train"]["part"]) == set(splits["validation"]["part"]) == {None}
    summary = json.loads((workplace.dataset / "summary.json").read_text())
    assert summary["test_parts"]["test_cells"]["articles"] == 2
    assert sum(part["sentences"] for part in summary["test_parts"].values()) == summary["splits"]["test"]["sentences"]


def test_balance_counts_what_the_splits_hold(workplace, splits):
    summary = json.loads((workplace.dataset / "summary.json").read_text())
    assert summary["labels"] == LABELS
    for name in SPLITS:
        given = list(splits[name]["labels"])
        assert summary["splits"][name] == {
            "articles": len(set(splits[name]["article_id"])),
            "sentences": len(given),
            **{label: sum(label in labels for labels in given) for label in LABELS},
            "none": sum(not labels for labels in given),
            "several": sum(len(labels) > 1 for labels in given),
        }
        assert all(summary["splits"][name][label] for label in LABELS)
        assert summary["sha256"][name] == sha256(workplace.dataset / f"{name}.parquet")


def test_reprints_and_repeated_sentences_never_face_each_other_across_splits(workplace, tmp_path):
    """Compares each pair of sentences of two splits, where the stage itself looks at likely ones alone."""
    lines = [json.loads(line) for line in (workplace / "data/articles/made.jsonl").read_text().splitlines()]
    marks = [json.loads(line) for line in (workplace / "data/annotations/made.jsonl").read_text().splitlines()]
    for article in lines[:12]:
        old, new = article["id"], article["id"] + "-reprint"
        swap = {"text": article["text"].replace("pegawai", "para pegawai"), "title": article["title"]}
        lines.append(article | swap | {"id": new})
        marks += [
            mark | {"article_id": new, "text": mark["text"].replace("pegawai", "para pegawai")}
            for mark in marks
            if mark["article_id"] == old
        ]
    for name, records in (("articles", lines), ("annotations", marks)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "all.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    segment.run(tmp_path / "articles", workplace / "configs/segment.yaml", tmp_path / "sentences")
    configs = workplace / "configs"
    dataset.run(
        tmp_path / "articles",
        tmp_path / "sentences",
        tmp_path / "annotations",
        configs / "labels.yaml",
        configs / "dataset.yaml",
        tmp_path / "dataset",
    )
    texts = {name: pq.read_table(tmp_path / f"dataset/{name}.parquet")["text"].to_pylist() for name in SPLITS}
    assert sum(map(len, texts.values())) > 7 * ARTICLES
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        pairs = product(
            [(text, character_shingles(text)) for text in texts[one]],
            [(text, character_shingles(text)) for text in texts[other]],
        )
        assert not [(a, b) for (a, x), (b, y) in pairs if normalise(a) == normalise(b) or jaccard(x, y) >= 0.8]


# train


def test_train_writes_a_model_that_names_the_labels(workplace):
    config = transformers.AutoConfig.from_pretrained(workplace.model)
    assert config.id2label == dict(enumerate(LABELS))
    assert config.problem_type == "multi_label_classification"
    assert {"model.safetensors", "tokenizer.json"} < {path.name for path in workplace.model.iterdir()}


def test_train_says_what_it_was_made_from(workplace):
    training = json.loads((workplace.model / "training.json").read_text())
    assert training["config"] == load_config(workplace / "configs/train.yaml", TrainConfig).model_dump()
    assert training["dataset"] == json.loads((workplace.dataset / "summary.json").read_text())["sha256"]


def test_train_chooses_a_slope_an_intercept_and_a_threshold_per_label(workplace):
    decision = json.loads((workplace.model / "decision.json").read_text())
    assert all(len(decision[name]) == len(LABELS) for name in ("slopes", "intercepts", "thresholds"))
    assert all(0 < threshold < 1 for threshold in decision["thresholds"])
    assert all(slope > 0 for slope in decision["slopes"])


def test_train_keeps_a_row_of_history_per_epoch_and_no_checkpoints(workplace):
    with (workplace.model / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == list(range(1, 8))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert not (workplace / "models/fine-tuned.checkpoints").exists()


# evaluate


def test_metrics_name_every_label_the_averages_and_the_baselines(workplace):
    metrics = json.loads((workplace / "reports/metrics.json").read_text())
    for label in LABELS:
        assert {"precision", "recall", "f1", "f1_low", "f1_high", "average_precision", "support"} <= set(
            metrics["test"][label]
        )
        assert metrics["test"][label]["f1_low"] <= metrics["test"][label]["f1"] <= metrics["test"][label]["f1_high"]
    assert {"macro_f1", "macro_f1_low", "macro_f1_high", "micro_f1", "exact_match"} <= set(metrics["test"])
    assert len(metrics["baselines"]) == 2
    assert all({"macro_f1", "micro_f1", "test_random"} < set(scores) for scores in metrics["baselines"].values())


def test_each_part_of_test_is_measured_alone(workplace, splits):
    metrics = json.loads((workplace / "reports/metrics.json").read_text())
    parts = Counter(splits["test"]["part"])
    for part in ("cells", "random"):
        measured = metrics[f"test_{part}"]
        assert set(measured) == set(metrics["test"])
        assert measured["macro_f1_low"] <= measured["macro_f1"] <= measured["macro_f1_high"]
        rows = [row for row in splits["test"] if row["part"] == part]
        assert len(rows) == parts[part]
        for label in LABELS:
            assert measured[label]["support"] == sum(label in row["labels"] for row in rows)
        table = pq.read_table(workplace / "reports/evaluation/predictions.parquet").to_pylist()
        right = [row["labels"] == row["predicted"] for row in table if row["part"] == part]
        assert measured["exact_match"] == pytest.approx(sum(right) / len(right))
        assert all(scores[f"test_{part}"]["macro_f1"] <= 1 for scores in metrics["baselines"].values())


def test_predictions_stand_beside_the_truth(workplace, splits):
    table = pq.read_table(workplace / "reports/evaluation/predictions.parquet")
    assert table["text"].to_pylist() == list(splits["test"]["text"])
    assert table["labels"].to_pylist() == list(splits["test"]["labels"])
    decision = json.loads((workplace.model / "decision.json").read_text())
    scores = np.column_stack([table[f"score_{label}"].to_numpy() for label in LABELS])
    assert table["predicted"].to_pylist() == [
        [label for label, carries in zip(LABELS, row, strict=True) if carries]
        for row in scores >= decision["thresholds"]
    ]


@pytest.mark.parametrize("name", ["precision_recall", "reliability", "confusion", "learning_curves", "comparison"])
def test_plots_are_pictures(workplace, name):
    assert (workplace / f"reports/evaluation/{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("precision_recall", ["label", "recall", "precision"]),
        ("reliability", ["label", "predicted", "observed", "sentences"]),
        ("confusion", ["carries", *LABELS, "none"]),
        ("learning_curves", ["epoch", "train_loss", "validation_loss", "validation_macro_f1"]),
    ],
)
def test_plots_come_with_their_tables(workplace, name, columns):
    table = pd.read_csv(workplace / f"reports/evaluation/{name}.csv", keep_default_na=False)
    assert list(table.columns) == columns
    assert len(table)


def test_errors_are_listed_as_far_as_the_config_says(workplace):
    page = (workplace / "reports/evaluation/errors.md").read_text(encoding="utf-8")
    table = pq.read_table(workplace / "reports/evaluation/predictions.parquet")
    wrong = sum(a != b for a, b in zip(table["labels"].to_pylist(), table["predicted"].to_pylist(), strict=True))
    assert f"{wrong} of {len(table)} sentences" in page
    assert page.count("\n## made-") == min(wrong, 5)


def test_challenges_are_measured_by_kind_and_shown_by_rule(workplace):
    shares = json.loads((workplace / "reports/metrics.json").read_text())["challenge"]
    assert set(shares) == {"minimum", "invariance", "direction"}
    # The tokenizer folds case: both sentences are the same to the model.
    assert shares["invariance"] == 1
    page = (workplace / "reports/evaluation/challenge.md").read_text(encoding="utf-8")
    assert "| case | invariance | 1 | 1 | 100% |" in page
    rates = pd.read_csv(workplace / "reports/evaluation/challenge.csv")
    assert list(rates.columns) == ["rule", "kind", "passed", "total"]
    assert ["case", "invariance", 1, 1] in rates.values.tolist()


# export


def test_manifest_names_every_file_of_the_checkpoint(checkpoint):
    manifest = Manifest.model_validate_json((checkpoint / "netral.json").read_bytes())
    assert manifest.files == {path.name: sha256(path) for path in checkpoint.iterdir() if path.name != "netral.json"}
    assert manifest.version == version_of(manifest.model_dump(mode="json"))
    assert {
        "config.json",
        "model.safetensors",
        "model.onnx",
        "model-int8.onnx",
        "tokenizer.json",
        "README.md",
    } <= set(manifest.files)


def test_checkpoint_holds_no_pickle(checkpoint):
    assert not [path.name for path in checkpoint.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]


def test_manifest_says_where_the_checkpoint_comes_from(workplace, checkpoint):
    manifest = Manifest.model_validate_json((checkpoint / "netral.json").read_bytes())
    assert manifest.names == LABELS
    assert (
        list(manifest.thresholds.values()) == json.loads((workplace.model / "decision.json").read_text())["thresholds"]
    )
    assert manifest.max_length == 48
    assert manifest.dataset == {name: sha256(workplace.dataset / f"{name}.parquet") for name in SPLITS}
    assert (
        manifest.metrics["macro_f1"] == json.loads((workplace / "reports/metrics.json").read_text())["test"]["macro_f1"]
    )


def test_model_card_gives_the_measured_figures(workplace, checkpoint):
    card = (checkpoint / "README.md").read_text(encoding="utf-8")
    measured = json.loads((workplace / "reports/metrics.json").read_text())["test"]
    assert f"Macro-F1 on the test split: **{measured['macro_f1']:.3f}**" in card
    for label in LABELS:
        assert f"`{label}`" in card


def test_exported_equals_evaluated(workplace, texts):
    table = pq.read_table(workplace / "reports/evaluation/predictions.parquet")
    evaluated = np.column_stack([table[f"score_{label}"].to_numpy() for label in LABELS])
    assert np.abs(Classifier(workplace.exported, "fp32").score(texts).probabilities - evaluated).max() < 1e-4


def test_transformers_own_pipeline_gives_the_same_probabilities(checkpoint, texts):
    texts = [*texts, "pegawai [SEP] netral", "[PAD] [MASK]"]
    reference = transformers.pipeline("text-classification", str(checkpoint), top_k=None, device="cpu")
    theirs = [{entry["label"]: entry["score"] for entry in given} for given in reference(texts)]
    ours = Classifier(checkpoint, "fp32").score(texts).probabilities
    assert np.abs(np.array([[scores[label] for label in LABELS] for scores in theirs]) - ours).max() < 1e-4


def test_calibration_is_folded_into_the_exported_weights(workplace, checkpoint):
    trained, exported = (load_file(folder / "model.safetensors") for folder in (workplace.model, checkpoint))
    decision = json.loads((workplace.model / "decision.json").read_text())
    assert {name for name in trained if not np.array_equal(trained[name], exported[name])} == {
        "classifier.weight",
        "classifier.bias",
    }
    expected = trained["classifier.weight"] * np.array(decision["slopes"], dtype=np.float32)[:, None]
    assert np.allclose(exported["classifier.weight"], expected, atol=1e-6)


# MLflow


def test_one_run_carries_the_parameters_of_every_stage(run):
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == "7"
    assert run.data.tags["evaluate.batch_size"] == "16"
    assert run.data.tags["export.compared_sentences"] == "20"
    assert int(run.data.params["dataset.train.sentences"]) > 0
    assert run.data.params["dataset.config.sentence_words"] == "5"
    assert run.data.params["segment.heading_words"] == "14"


def test_one_run_carries_the_metrics_of_every_epoch_and_of_the_test_split(workplace, client, run):
    history = pd.read_csv(workplace.model / "history.csv")
    for name in ("train_loss", "validation_loss", "validation_macro_f1"):
        logged = client.get_metric_history(run.info.run_id, name)
        assert [entry.step for entry in logged] == list(range(1, 8))
        assert [entry.value for entry in logged] == pytest.approx(list(history[name]))
    measured = json.loads((workplace / "reports/metrics.json").read_text())
    assert run.data.metrics["test.macro_f1"] == pytest.approx(measured["test"]["macro_f1"])
    assert run.data.metrics["test.sanction.f1"] == pytest.approx(measured["test"]["sanction"]["f1"])
    for name, scores in measured["baselines"].items():
        assert run.data.metrics[f"baselines.{name}.macro_f1"] == pytest.approx(scores["macro_f1"])


def test_one_run_carries_the_parity_report_and_the_version_of_the_checkpoint(checkpoint, run):
    manifest = Manifest.model_validate_json((checkpoint / "netral.json").read_bytes())
    assert run.data.tags["checkpoint"] == manifest.version
    assert run.data.tags["precision"] == manifest.precision
    assert run.data.metrics["export.int8.agreement"] == manifest.parity.agreement
    assert run.data.metrics["export.int8.f1.int8.macro"] == pytest.approx(manifest.parity.f1["int8"]["macro"])
    assert run.data.metrics["export.int8.flips.appeal"] == manifest.parity.flips["appeal"]


def test_one_run_carries_each_split_as_a_dataset(workplace, run):
    digest = json.loads((workplace.dataset / "summary.json").read_text())["sha256"]["train"]
    inputs = {entry.dataset.name: entry for entry in run.inputs.dataset_inputs}
    assert set(inputs) == {f"netral-{name}" for name in SPLITS}
    assert {entry.dataset.digest for entry in inputs.values()} == {digest[:12]}


def test_one_run_carries_the_plots(client, run):
    logged = {file.path for file in client.list_artifacts(run.info.run_id, "reports")}
    assert {
        f"reports/{name}.png"
        for name in ("precision_recall", "reliability", "confusion", "learning_curves", "comparison")
    } <= logged
    assert {"reports/errors.md", "reports/predictions.parquet"} <= logged


def test_the_registered_model_returns_every_label_with_the_scores_of_the_checkpoint(
    workplace, client, run, classifier, texts, monkeypatch
):
    (version,) = client.search_model_versions("name = 'netral'")
    assert version.run_id == run.info.run_id
    monkeypatch.setattr("sys.path", list(sys.path))  # loading a model puts its code there
    mlflow.set_tracking_uri(workplace.store)
    answer = mlflow.pyfunc.load_model("models:/netral/1").predict(pd.DataFrame({"text": texts}))
    scores = classifier.score(texts)
    assert list(answer.columns) == ["text", "labels", *(f"score_{label}" for label in LABELS)]
    assert np.array_equal(answer[[f"score_{label}" for label in LABELS]].to_numpy(), scores.probabilities.astype(float))
    assert list(answer["labels"]) == ["|".join(given) for given in classifier.labels(scores)]
