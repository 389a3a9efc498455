from datetime import date

import pyarrow as pa
import pytest

from pipeline.corpus.dataset import SCHEMA, balance, build_rows, parts_of_test
from pipeline.corpus.records import Article, Sentence
from pipeline.corpus.splits import Split
from pipeline.errors import InputError

LABELS = ["appeal", "prohibition", "sanction", "logistics"]
ARTICLES = {
    "a": Article(id="a", text="x", source="Suara Serai", published=date(2020, 10, 13)),
    "b": Article(id="b", text="x"),
    "c": Article(id="c", text="x"),
}


def labelled(article_id: str, index: int, *labels: str) -> tuple[Sentence, frozenset[str]]:
    return Sentence(article_id, index, "body", 5 * index, 5 * index + 4, "Kata"), frozenset(labels)


def test_rows_carry_sentence_article_and_labels_in_column_order():
    rows = build_rows([labelled("a", 2, "logistics", "sanction")], ARTICLES, Split({"a": "test"}), LABELS)
    assert rows == {
        "train": [],
        "validation": [],
        "test": [
            {
                "article_id": "a",
                "index": 2,
                "field": "body",
                "start": 10,
                "end": 14,
                "text": "Kata",
                "labels": ["sanction", "logistics"],
                "source": "Suara Serai",
                "published": date(2020, 10, 13),
                "part": "random",
            }
        ],
    }


def test_rows_fit_the_schema():
    rows = build_rows(
        [labelled("a", 0), labelled("b", 0, "sanction")], ARTICLES, Split({"a": "test", "b": "test"}), LABELS
    )
    table = pa.Table.from_pylist(rows["test"], schema=SCHEMA)
    assert table.to_pylist() == rows["test"]


def test_rows_keep_the_order_of_the_corpus():
    members = [labelled("b", 0), labelled("a", 0), labelled("b", 1)]
    rows = build_rows(members, ARTICLES, Split({"a": "train", "b": "train"}), LABELS)["train"]
    assert [(row["article_id"], row["index"]) for row in rows] == [("b", 0), ("a", 0), ("b", 1)]


def test_bridging_articles_and_repeated_sentences_are_left_out():
    split = Split({"a": "train", "b": "test"}, bridges=["c"], repeated={("b", 1)})
    members = [labelled("a", 0), labelled("b", 0), labelled("b", 1), labelled("c", 0)]
    rows = build_rows(members, ARTICLES, split, LABELS)
    assert {name: [(row["article_id"], row["index"]) for row in found] for name, found in rows.items()} == {
        "train": [("a", 0)],
        "validation": [],
        "test": [("b", 0)],
    }


def test_rows_of_test_say_their_part_and_others_have_none():
    split = Split({"a": "test", "b": "test", "c": "train"}, held=frozenset({"b"}))
    rows = build_rows([labelled(name, 0, "sanction") for name in "abc"], ARTICLES, split, LABELS)
    assert [row["part"] for row in rows["test"]] == ["random", "cells"]
    assert [row["part"] for row in rows["train"]] == [None]
    assert {name: [row["article_id"] for row in members] for name, members in parts_of_test(rows).items()} == {
        "test_cells": ["b"],
        "test_random": ["a"],
    }


def test_part_without_sentences_is_no_part():
    rows = build_rows([labelled("a", 0)], ARTICLES, Split({"a": "test"}), LABELS)
    assert list(parts_of_test(rows)) == ["test_random"]


def rows_of(*label_sets: list[str]) -> list[dict]:
    return [{"article_id": f"a{number // 2}", "labels": labels} for number, labels in enumerate(label_sets)]


def test_balance_counts_labels_none_and_several():
    rows = {"train": rows_of([], ["appeal"], ["appeal", "sanction"], ["sanction"], [])}
    assert balance(rows, ["appeal", "sanction"]) == {
        "train": {"articles": 3, "sentences": 5, "appeal": 2, "sanction": 2, "none": 2, "several": 1}
    }


def test_label_that_a_split_lacks_is_an_error():
    rows = {"train": rows_of(["appeal"], ["sanction"]), "validation": rows_of(["appeal"]), "test": rows_of([])}
    with pytest.raises(InputError) as caught:
        balance(rows, ["appeal", "sanction"])
    assert str(caught.value) == (
        "labels absent from a split: 'sanction' in validation, 'appeal' in test, 'sanction' in test; "
        "add articles that have them, or change the seed in configs/dataset.yaml"
    )
