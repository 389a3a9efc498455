"""What a model says of each sentence: as a table, and its errors as a page to read."""

from collections.abc import Sequence

import datasets
import pyarrow as pa

from pipeline.training.evaluation import Predictions, errors_worst_first
from pipeline.training.metrics import Truth


def prediction_table(
    sentences: datasets.Dataset, truth: Truth, predictions: Predictions, labels: Sequence[str]
) -> pa.Table:
    """Return the columns of ``sentences``, then ``labels``, ``predicted`` (both lists of names) and ``score_<label>``.

    Args:
        truth: shape ``(sentences, labels)``, 0 or 1, in the order of ``sentences``.
    """
    table = sentences.with_format("arrow")[:].drop_columns(["labels"])
    for name, matrix in (("labels", truth), ("predicted", predictions.predicted)):
        table = table.append_column(name, pa.array(names_of(matrix, labels)))
    for column, label in enumerate(labels):
        table = table.append_column(f"score_{label}", pa.array(predictions.probabilities[:, column]))
    return table


def error_page(
    sentences: datasets.Dataset, truth: Truth, predictions: Predictions, labels: Sequence[str], most: int
) -> str:
    """Return wrongly labelled sentences between their neighbours, the surest mistakes first, in Markdown.

    Args:
        sentences: those of an article in their order, one behind the other.
        truth: shape ``(sentences, labels)``, 0 or 1, in the order of ``sentences``.
        most: so many sentences are listed; all are counted.
    """
    texts = [" ".join(text.split()) for text in sentences["text"]]
    articles, indices = list(sentences["article_id"]), list(sentences["index"])
    carried, given = (
        [", ".join(names) or "none" for names in names_of(matrix, labels)] for matrix in (truth, predictions.predicted)
    )

    def neighbour(row: int, step: int) -> str:
        at = row + step
        # A sentence that the dataset left out leaves a gap: what stands behind it is no neighbour.
        beside = 0 <= at < len(texts) and articles[at] == articles[row] and indices[at] == indices[row] + step
        return texts[at] if beside else "…"

    worst = errors_worst_first(truth, predictions)
    listed = worst[:most]
    parts = [
        "# Errors on test, worst first\n\n"
        f"{len(worst)} of {len(texts)} sentences are labelled wrongly in some way; the first {len(listed)} follow.\n"
    ]
    for row in listed:
        probabilities = zip(labels, predictions.probabilities[row], strict=True)
        scores = ", ".join(f"{label} {probability:.2f}" for label, probability in probabilities)
        parts.append(
            f"## {articles[row]}, sentence {indices[row]}\n\n"
            f"{neighbour(row, -1)} **{texts[row]}** {neighbour(row, 1)}\n\n"
            f"is *{carried[row]}*, was given *{given[row]}* ({scores})\n"
        )
    return "\n".join(parts)


def names_of(matrix: Truth, labels: Sequence[str]) -> list[list[str]]:
    """Return the names that each row of a 0/1 matrix stands for, in column order."""
    return [[label for label, carries in zip(labels, row, strict=True) if carries] for row in matrix]
