"""The pictures of an evaluation, as image files, with the tables that they show as CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from pipeline.corpus.labels import Labels
from pipeline.files import write_table
from pipeline.training.evaluation import Predictions, confusion_of_label_sets
from pipeline.training.metrics import Report, Truth

plt.rcParams |= {
    "figure.dpi": 130,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
}


def precision_recall(
    truth: Truth, model: Predictions, baseline: Predictions, thresholds: Sequence[float], labels: Labels, folder: Path
) -> None:
    """One curve per label, the chosen threshold as a dot, the TF-IDF baseline dashed."""
    figure, axes = plt.subplots(figsize=(6, 4.6))
    rows = []
    for column, label in enumerate(labels.labels):
        precision, recall, cuts = precision_recall_curve(truth[:, column], model.probabilities[:, column])
        axes.plot(recall, precision, color=label.colour, label=label.name, linewidth=1.8)
        chosen = min(int(np.searchsorted(cuts, thresholds[column])), len(cuts) - 1)
        axes.plot(recall[chosen], precision[chosen], "o", color=label.colour, markersize=7)
        rows += [(label.name, f"{r:.4f}", f"{p:.4f}") for r, p in zip(recall, precision, strict=True)]
        precision, recall, _ = precision_recall_curve(truth[:, column], baseline.probabilities[:, column])
        axes.plot(recall, precision, color=label.colour, linewidth=0.9, linestyle="--", alpha=0.6)
    axes.set(
        xlabel="recall",
        ylabel="precision",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        title="Precision and recall on test\n(dots: chosen thresholds; dashed: TF-IDF baseline)",
    )
    axes.legend(loc="lower left")
    save(figure, folder / "precision_recall.png")
    write_table(folder / "precision_recall.csv", ["label", "recall", "precision"], rows)


def reliability(truth: Truth, model: Predictions, labels: Labels, folder: Path, bins: int = 10) -> None:
    """Observed against predicted frequency, per label; the size of a dot is the number of sentences in its bin."""
    figure, axes = plt.subplots(figsize=(5, 4.6))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle=":")
    rows = []
    for column, label in enumerate(labels.labels):
        probability, actual = model.probabilities[:, column], truth[:, column]
        member = np.minimum((probability * bins).astype(int), bins - 1)
        points = [
            (probability[member == b].mean(), actual[member == b].mean(), int((member == b).sum()))
            for b in range(bins)
            if (member == b).any()
        ]
        x, y, size = (np.array(values) for values in zip(*points, strict=True))
        axes.plot(x, y, color=label.colour, linewidth=1, alpha=0.7)
        axes.scatter(
            x, y, s=8 + 120 * size / size.max(), color=label.colour, alpha=0.8, label=label.name, edgecolors="none"
        )
        rows += [(label.name, f"{p:.4f}", f"{a:.4f}", n) for p, a, n in points]
    axes.set(xlabel="predicted probability", ylabel="observed frequency", title="Calibration on test")
    legend = axes.legend(loc="upper left")
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([40])
    save(figure, folder / "reliability.png")
    write_table(folder / "reliability.csv", ["label", "predicted", "observed", "sentences"], rows)


def confusion(truth: Truth, model: Predictions, labels: Labels, folder: Path) -> None:
    """Which labels are given to sentences that carry which."""
    shares = confusion_of_label_sets(truth, model.predicted)
    names = [*labels.names, "none"]
    figure, axes = plt.subplots(figsize=(5.4, 4.6))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i in range(len(names)):
        for j in range(len(names)):
            axes.text(
                j, i, f"{shares[i, j]:.0%}", ha="center", va="center", color="white" if shares[i, j] > 0.55 else "black"
            )
    axes.set(
        xticks=range(len(names)),
        yticks=range(len(names)),
        xlabel="is given",
        ylabel="sentences that carry",
        title="Labels given, as a share of sentences that carry each",
    )
    axes.set_xticklabels(names)
    axes.set_yticklabels(names)
    axes.grid(visible=False)
    save(figure, folder / "confusion.png")
    write_table(
        folder / "confusion.csv",
        ["carries", *names],
        [[name, *(f"{share:.4f}" for share in row)] for name, row in zip(names, shares, strict=True)],
    )


def learning_curves(history: Sequence[dict[str, float]], folder: Path) -> None:
    """Loss and macro-F1 by epoch."""
    epochs = [row["epoch"] for row in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    left.plot(epochs, [row["train_loss"] for row in history], color="grey", label="training")
    left.plot(epochs, [row["validation_loss"] for row in history], color="#0072B2", label="validation")
    left.set(xlabel="epoch", title="Loss (binary cross-entropy)", ylim=(0, None))
    left.legend()
    scores = [row["validation_macro_f1"] for row in history]
    right.plot(epochs, scores, color="#0072B2")
    best = int(np.argmax(scores))
    right.plot(epochs[best], scores[best], "o", color="#0072B2")
    right.annotate(
        f"{scores[best]:.3f}", (epochs[best], scores[best]), textcoords="offset points", xytext=(0, -14), ha="center"
    )
    right.set(xlabel="epoch", title="Validation macro-F1 (at 0.5, before calibration)", ylim=(0, 1))
    save(figure, folder / "learning_curves.png")
    write_table(
        folder / "learning_curves.csv",
        list(history[0]),
        [[f"{value:.5f}" for value in row.values()] for row in history],
    )


def comparison(reports: Mapping[str, Mapping[str, Report]], labels: Labels, folder: Path) -> None:
    """F1 per label of every contender on all of test, and macro-F1 with its interval on each part of it.

    Args:
        reports: by contender and by part, of which ``test`` is the whole; with intervals.
    """
    figure, axes = plt.subplots(figsize=(8.4, 3.8))
    parts = list(next(iter(reports.values())))
    places = np.arange(len(labels.names) + len(parts))
    width = 0.8 / len(reports)
    shades = ["#BBBBBB", "#777777", "#0072B2"]
    for number, (contender, by_part) in enumerate(reports.items()):
        scores = [(by_part["test"].labels[label], "f1") for label in labels.names]
        scores += [(report.overall, "macro_f1") for report in by_part.values()]
        heights = np.array([given[name] for given, name in scores])
        errors = [[given[name] - given[f"{name}_low"], given[f"{name}_high"] - given[name]] for given, name in scores]
        shifted = places + (number - (len(reports) - 1) / 2) * width
        axes.bar(
            shifted,
            heights,
            width * 0.92,
            color=shades[number % len(shades)],
            label=contender,
            yerr=np.maximum(np.array(errors).T, 0),
            error_kw={"linewidth": 1},
        )
        for place, height in zip(shifted, heights, strict=True):
            colour = "white" if number else "black"
            axes.text(place, height / 2, f"{height:.2f}", ha="center", va="center", fontsize=6.5, color=colour)
    axes.axvline(len(labels.names) - 0.5, color="grey", linewidth=0.8)
    axes.set(
        xticks=places,
        ylim=(0, 1),
        ylabel="F1",
        title="Against the baselines on test (bars: 95 % intervals over articles)",
    )
    axes.set_xticklabels([*labels.names, *(f"macro\n{part.replace('_', ', ')}" for part in parts)])
    axes.legend(ncols=len(reports), loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
    axes.grid(axis="x", visible=False)
    save(figure, folder / "comparison.png")


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
