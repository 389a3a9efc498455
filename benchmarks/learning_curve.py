"""Would more articles help? Macro-F1 on each part of test after training on 10, 25, 50 and 100 % of the training articles.

    python benchmarks/learning_curve.py [--seeds 3] [--out reports/benchmarks/learning_curve]

Per seed the articles are shuffled, and smaller shares lie within larger ones. Fewer articles get more epochs, by the square root of
the share, since few steps would be the trouble otherwise. Validation, which picks the epoch, calibration and thresholds, stays whole.
Each point is kept as a file of its own, and made again only if the dataset or the settings are others: a killed run goes on where it was.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import datasets
import matplotlib.pyplot as plt
import numpy as np
import typer

from pipeline.config import load_config
from pipeline.corpus.labels import load_labels
from pipeline.errors import user_errors
from pipeline.files import sha256, write_json
from pipeline.training import plots
from pipeline.training.baselines import tfidf_predictions
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import choose
from pipeline.training.evaluation import Predictions, rows_by_part
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.inference import logits_of
from pipeline.training.metrics import Truth, bootstrap_interval, macro_f1

SHARES = (0.1, 0.25, 0.5, 1.0)
TFIDF, NETRAL = "TF-IDF with logistic regression", "netral"
Splits = dict[str, datasets.Dataset]


def some_articles(train: datasets.Dataset, share: float, seed: int) -> datasets.Dataset:
    """Return the sentences of a share of the articles; with one seed, more articles hold those of a smaller share."""
    articles = np.random.default_rng(seed).permutation(sorted(set(train["article_id"])))
    chosen = set(articles[: max(round(share * len(articles)), 1)].tolist())
    return train.select([row for row, article in enumerate(train["article_id"]) if article in chosen])


def tfidf(splits: Splits, labels: list[str], settings: TrainConfig) -> Truth:
    texts = {name: list(rows["text"]) for name, rows in splits.items()}
    truth = {name: label_matrix(rows, labels) for name, rows in splits.items()}
    return tfidf_predictions(texts, truth, settings.seed).predicted


def tuned(splits: Splits, labels: list[str], settings: TrainConfig) -> Truth:
    """Train as the train stage does, and predict test."""
    test = list(splits["test"]["text"])
    with tempfile.TemporaryDirectory() as work:
        found = fine_tune(splits["train"], splits["validation"], labels, settings, Path(work) / "work", apart=test)
    decision = choose(found.validation_logits, label_matrix(splits["validation"], labels), settings.seed)
    logits = logits_of(found.model, found.tokenizer, test, settings.max_length, 64)
    return Predictions.at(decision.thresholds, decision.probabilities(logits)).predicted


def measure(
    splits: Splits, labels: list[str], share: float, settings: TrainConfig, made_with: dict[str, Any], out: Path
) -> None:
    """Train both contenders on a share of the articles, unless ``out`` has them already, and keep their predictions there."""
    part = splits | {"train": some_articles(splits["train"], share, settings.seed)}
    stretch = share**-0.5
    settings = settings.model_copy(
        update={"epochs": round(settings.epochs * stretch), "patience": round(settings.patience * stretch)}
    )
    for name, predict in ((TFIDF, tfidf), (NETRAL, tuned)):
        path = out / f"{name.split()[0].lower()}-{share:.2f}-{settings.seed}.json"
        point = {"contender": name, "share": share, "seed": settings.seed, "made_with": made_with}
        if path.is_file() and point.items() <= json.loads(path.read_text()).items():
            continue
        sizes = {"articles": len(set(part["train"]["article_id"])), "sentences": len(part["train"])}
        write_json(path, {**point, **sizes, "predicted": predict(part, labels, settings).tolist()})
        print(f"{name}: {share:.0%} of the articles, seed {settings.seed}", flush=True)


def summarise(
    points: list[dict[str, Any]], test: datasets.Dataset, labels: list[str], seed: int
) -> list[dict[str, Any]]:
    """Return, per contender, share and part of test, the macro-F1, mean of seeds, with its 95 % bootstrap interval over articles."""
    truth = label_matrix(test, labels)
    summary = []
    for contender, share in sorted({(point["contender"], point["share"]) for point in points}):
        given = [point for point in points if (point["contender"], point["share"]) == (contender, share)]
        predicted = [np.array(point["predicted"], dtype=np.int8) for point in given]
        row: dict[str, Any] = {"contender": contender, "share": share, "seeds": len(given)}
        row |= {size: given[0][size] for size in ("articles", "sentences")}
        for name, rows in rows_by_part(test["part"]).items():
            true = truth[rows]

            def mean(
                chosen: Any, true: Truth = true, rows: list[int] = rows, predicted: list[Truth] = predicted
            ) -> float:
                return float(np.mean([macro_f1(true[chosen], marks[rows][chosen]) for marks in predicted]))

            low, high = bootstrap_interval(test.select(rows)["article_id"], mean, seed)
            each = [macro_f1(true, marks[rows]) for marks in predicted]
            row[name] = {"macro_f1": float(np.mean(each)), "low": low, "high": high, "each": each}
        summary.append(row)
    return summary


def draw(summary: list[dict[str, Any]], parts: list[str], path: Path) -> None:
    figure, axes = plt.subplots(1, len(parts), figsize=(3.6 * len(parts), 3.4), sharey=True, squeeze=False)
    for panel, part in zip(axes[0], parts, strict=True):
        for contender, colour in ((NETRAL, "#0072B2"), (TFIDF, "#777777")):
            rows = [row for row in summary if row["contender"] == contender]
            x = [row["articles"] for row in rows]
            panel.plot(x, [row[part]["macro_f1"] for row in rows], "o-", color=colour, label=contender)
            low, high = ([row[part][bound] for row in rows] for bound in ("low", "high"))
            panel.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        panel.set(xscale="log", xlabel="training articles", title=part.replace("_", ", "))
        panel.set_xticks(x, [str(count) for count in x])
        panel.minorticks_off()
    axes[0][0].set_ylabel("macro-F1 (shaded: 95 % interval over articles)")
    axes[0][0].legend(loc="lower right")
    plots.save(figure, path)


def main(
    dataset: Path = Path("data/dataset"),
    config: Path = Path("configs/train.yaml"),
    labels: Path = Path("configs/labels.yaml"),
    seeds: int = 3,
    out: Path = Path("reports/benchmarks/learning_curve"),
) -> None:
    settings = load_config(config, TrainConfig)
    names = load_labels(labels).names
    splits = {name: load_split(dataset, name) for name in ("train", "validation", "test")}
    encoder = {file.name: sha256(file) for file in sorted(Path(settings.encoder).glob("*.safetensors"))}
    data = {name: sha256(dataset / f"{name}.parquet") for name in splits}
    made_with = {"config": settings.model_dump(mode="json", exclude={"seed"}), "dataset": data, "encoder": encoder}
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(settings.seed, settings.seed + seeds):
        for share in SHARES:
            measure(splits, names, share, settings.model_copy(update={"seed": seed}), made_with, out)
    points = [json.loads(path.read_text()) for path in sorted(out.glob("*-*-*.json"))]
    points = [point for point in points if point["made_with"] == made_with]
    summary = summarise(points, splits["test"], names, settings.seed)
    parts = list(rows_by_part(splits["test"]["part"]))
    write_json(out / "summary.json", summary)
    draw(summary, parts, out / "learning_curve.png")
    print(
        f"| contender | articles | sentences | {' | '.join(f'{part}, 95 % interval' for part in parts)} |\n|{'---|' * (3 + len(parts))}"
    )
    for row in summary:
        scores = (f"{row[part]['macro_f1']:.3f}, {row[part]['low']:.3f} to {row[part]['high']:.3f}" for part in parts)
        print(f"| {row['contender']} | {row['articles']} | {row['sentences']} | {' | '.join(scores)} |")


if __name__ == "__main__":
    with user_errors():
        typer.run(main)
