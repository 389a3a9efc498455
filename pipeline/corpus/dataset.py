"""The labelled sentences of a corpus, by split: their columns and their balance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from pipeline.corpus.annotations import LabelSet
from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.splits import PARTS, SPLITS, Split
from pipeline.errors import InputError

SCHEMA = pa.schema(
    [
        ("article_id", pa.string()),
        ("index", pa.int64()),
        ("field", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("text", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("source", pa.string()),
        ("published", pa.date32()),
        ("part", pa.string()),
    ]
)
Rows = list[dict[str, Any]]


def build_rows(
    labelled: Sequence[tuple[Sentence, LabelSet]], articles: Mapping[str, Article], split: Split, labels: Sequence[str]
) -> dict[str, Rows]:
    """Return the rows of each split, in the order of the corpus, with labels in column order.

    ``part`` says of the rows of test which part of it they are in; in other splits it is ``None``.
    """
    rows: dict[str, Rows] = {name: [] for name in SPLITS}
    for sentence, given in labelled:
        name = split.of_article.get(sentence.article_id)
        if name is None or (sentence.article_id, sentence.index) in split.repeated:
            continue
        article = articles[sentence.article_id]
        rows[name].append(
            {
                **asdict(sentence),
                "labels": [label for label in labels if label in given],
                "source": article.source,
                "published": article.published,
                "part": split.part(article.id),
            }
        )
    return rows


def parts_of_test(rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return the rows of test by part: ``test_cells``, if any cell is held out, and ``test_random``."""
    parts = {f"test_{part}": [row for row in rows["test"] if row["part"] == part] for part in PARTS}
    return {name: members for name, members in parts.items() if members}


def balance(rows: Mapping[str, Rows], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count articles, sentences, each label, none and several labels per split, or part of one.

    Raises:
        InputError: a split lacks a label, so that nothing can be learned or measured of it.
    """
    report = {}
    for name, members in rows.items():
        counts = Counter(label for row in members for label in row["labels"])
        report[name] = {
            "articles": len({row["article_id"] for row in members}),
            "sentences": len(members),
            **{label: counts[label] for label in labels},
            "none": sum(not row["labels"] for row in members),
            "several": sum(len(row["labels"]) > 1 for row in members),
        }
    absent = [f"'{label}' in {name}" for name, counts in report.items() for label in labels if not counts[label]]
    if absent:
        raise InputError(
            f"labels absent from a split: {', '.join(absent)}; add articles that have them, or change the seed in configs/dataset.yaml"
        )
    return report
