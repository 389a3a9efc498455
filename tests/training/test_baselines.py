"""The baselines do what they are said to do: no more is asked of them."""

import numpy as np
from made_corpus import ARTICLES, sentences

from pipeline.training.baselines import keyword_rules, tfidf_predictions

LABELS = ["appeal", "prohibition", "sanction", "logistics"]


def test_cue_words_count_as_whole_words_in_any_case():
    texts = ["Mari menjaga netralitas", "Pemari hadir", "DILARANG berkampanye", "Surat  suara", "surat suara tiba"]
    assert keyword_rules(texts, LABELS).tolist() == [
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
    ]


def test_a_label_without_cue_words_is_never_given():
    assert keyword_rules(["mari", "dilarang"], ["praise", "appeal"]).tolist() == [[0, 1], [0, 0]]


def test_the_linear_model_learns_the_made_up_corpus():
    rows = [sentence for number in range(ARTICLES) for sentence in sentences(number)]
    splits = {"train": rows[:84], "validation": rows[84:126], "test": rows[126:]}
    texts = {name: [text for text, _ in members] for name, members in splits.items()}
    truth = {
        name: np.array([[label in given for label in LABELS] for _, given in members], dtype=np.int8)
        for name, members in splits.items()
    }
    predictions = tfidf_predictions(texts, truth, seed=1)
    assert predictions.probabilities.shape == truth["test"].shape
    assert (predictions.predicted == truth["test"]).mean() > 0.8
    assert np.array_equal(predictions.predicted, tfidf_predictions(texts, truth, seed=1).predicted)
