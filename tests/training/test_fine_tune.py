"""Fine-tuning: the best epoch, and the same every time."""

import csv

import numpy as np
import pytest
from fine_tuning import LABELS, train

from pipeline.errors import InputError
from pipeline.training.data import label_matrix
from pipeline.training.encoder import load_encoder
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.inference import logits_of
from pipeline.training.metrics import macro_f1
from pipeline.training.objective import decide


def test_the_same_seed_gives_the_same_predictions(tuned, workplace, splits):
    with (workplace.model / "history.csv").open(newline="") as file:
        assert tuned.history == [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    stored = load_encoder(str(workplace.model), None, LABELS)
    logits = logits_of(stored.model, stored.tokenizer, list(splits[1]["text"]), 48, 16)
    # Weights that are read from a file lie otherwise in memory, and sums of them are rounded otherwise.
    assert tuned.validation_logits == pytest.approx(logits, abs=1e-5)


def test_another_seed_gives_other_predictions(tuned, splits, settings, tmp_path):
    other, _ = train(splits, settings, tmp_path / "work", seed=8, epochs=1)
    assert np.abs(other.validation_logits - tuned.validation_logits).max() > 1e-3


def test_validation_logits_are_those_of_the_rows_in_their_order(tuned, splits):
    for row, text in enumerate(splits[1]["text"]):
        alone = logits_of(tuned.model, tuned.tokenizer, [text], 48, 1)[0]
        assert alone == pytest.approx(tuned.validation_logits[row], abs=1e-5)


def test_the_best_epochs_model_is_returned_not_the_lasts(few, settings, tmp_path):
    # It learns never to give a label, and is measured on sentences that carry all: the first epoch is the best.
    unlearn = (
        few[0].map(lambda _: {"labels": []}, features=few[0].features),
        few[1].map(lambda _: {"labels": LABELS}, features=few[1].features),
    )
    tuned, _ = train(unlearn, settings, tmp_path / "work", learning_rate=0.0002, epochs=3)
    first, *_, last = (row["validation_macro_f1"] for row in tuned.history)
    assert first > last
    predicted = (tuned.validation_logits > 0).astype(np.int8)
    assert macro_f1(label_matrix(unlearn[1], LABELS), predicted) == pytest.approx(first)


def test_more_word_pieces_than_the_encoder_takes_are_refused(few, settings, tmp_path):
    with pytest.raises(InputError, match=r"takes at most 64 word pieces; lower max_length, 65$"):
        train(few, settings, tmp_path / "work", max_length=65)


def test_labels_that_exclude_each_other_are_learnt_as_choices(few, settings, tmp_path):
    """Two groups: the kind of the sentence, and whether it is long; each sentence has one label of either."""
    names = ["appeal", "other", "long", "short"]

    def choose(row: dict) -> dict:
        kind = "appeal" if "appeal" in row["labels"] else "other"
        return {"labels": [kind, "long" if len(row["text"].split()) > 9 else "short"]}

    splits = [rows.map(choose) for rows in few]
    config = TrainConfig(**settings | {"epochs": 12, "hidden_pieces": 0.0, "patience": 12})
    tuned = fine_tune(splits[0], splits[0], names, config, tmp_path / "work", choices=[2, 2])
    given = decide(tuned.validation_logits, [2, 2])
    assert (given[:, :2].sum(axis=1) == 1).all()
    assert (given[:, 2:].sum(axis=1) == 1).all()
    assert (given == label_matrix(splits[0], names)).mean() > 0.9
    assert tuned.model.config.problem_type is None
