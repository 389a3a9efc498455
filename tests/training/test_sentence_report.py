"""What a model says of each sentence, to compute with and to read."""

import datasets
import numpy as np
import pytest

from pipeline.training.evaluation import Predictions
from pipeline.training.sentence_report import error_page, prediction_table

LABELS = ["a", "b"]
TRUTH = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.int8)
# Sentence 1 is wrong by 0.7, sentence 2 by 0.9; the others are right.
PREDICTIONS = Predictions.at([0.5, 0.5], np.array([[0.9, 0.1], [0.7, 0.2], [0.8, 0.1], [0.3, 0.6]]))


@pytest.fixture
def sentences() -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "article_id": ["x", "x", "x", "y"],
            "index": [0, 1, 2, 0],
            "text": ["Satu.", "Dua\ndua.", "Tiga.", "Empat."],
            "labels": [["a"], [], ["a", "b"], ["b"]],
        }
    )


def test_the_table_has_truth_prediction_and_scores_beside_the_sentence(sentences):
    table = prediction_table(sentences, TRUTH, PREDICTIONS, LABELS)
    assert table.column_names == ["article_id", "index", "text", "labels", "predicted", "score_a", "score_b"]
    assert table["labels"].to_pylist() == [["a"], [], ["a", "b"], ["b"]]
    assert table["predicted"].to_pylist() == [["a"], ["a"], ["a"], ["b"]]
    assert table["score_a"].to_pylist() == [0.9, 0.7, 0.8, 0.3]


def test_errors_stand_between_their_neighbours_worst_first(sentences):
    page = error_page(sentences, TRUTH, PREDICTIONS, LABELS, most=10)
    assert "2 of 4 sentences are labelled wrongly in some way; the first 2 follow." in page
    first, second = page.split("\n## ")[1:]
    assert first.startswith("x, sentence 2\n\nDua dua. **Tiga.** …\n")  # the next sentence is of another article
    assert "is *a, b*, was given *a* (a 0.80, b 0.10)" in first
    assert second.startswith("x, sentence 1\n\nSatu. **Dua dua.** Tiga.\n")
    assert "is *none*, was given *a* (a 0.70, b 0.20)" in second


def test_no_more_errors_are_listed_than_asked_for(sentences):
    page = error_page(sentences, TRUTH, PREDICTIONS, LABELS, most=1)
    assert "2 of 4 sentences are labelled wrongly in some way; the first 1 follow." in page
    assert page.count("\n## ") == 1
