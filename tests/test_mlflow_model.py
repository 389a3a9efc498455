"""The model that MLflow runs: a row out for each row in, every label, in whatever batches they come."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_corpus import sentences

from pipeline.classifier.predict import Classifier
from pipeline.mlflow_model import NetralModel

TEXTS = [text for number in range(6) for text, _ in sentences(number)]


@pytest.fixture(scope="module")
def model(checkpoint) -> NetralModel:
    model = NetralModel()
    model.load_context(SimpleNamespace(artifacts={"checkpoint": str(checkpoint)}))
    return model


@pytest.fixture(scope="module")
def whole(model) -> pd.DataFrame:
    return model.predict(None, pd.DataFrame({"text": TEXTS}))


def test_every_label_and_score_is_given(checkpoint, whole):
    classifier = Classifier(checkpoint)
    scores = classifier.score(TEXTS)
    assert list(whole["text"]) == TEXTS
    assert list(whole["labels"]) == ["|".join(given) for given in classifier.labels(scores)]
    columns = [f"score_{name}" for name in classifier.manifest.names]
    assert list(whole.columns) == ["text", "labels", *columns]
    assert np.array_equal(whole[columns].to_numpy(), scores.probabilities.astype(float))


def test_batches_as_spark_cuts_them_give_what_the_whole_gives(model, whole):
    """``spark_udf`` hands over slices of a partition, each with an index of its own, and joins the answers by row."""
    table = pd.DataFrame({"text": TEXTS}, index=range(100, 100 + len(TEXTS)))
    parts = [model.predict(None, table.iloc[start : start + 10], params={}) for start in range(0, len(table), 10)]
    joined = pd.concat(parts)
    assert list(joined.index) == list(table.index)
    assert list(joined["text"]) == TEXTS
    scores = [name for name in whole.columns if name.startswith("score_")]
    assert np.abs(joined[scores].to_numpy() - whole[scores].to_numpy()).max() < 2e-3


def test_a_missing_text_is_an_empty_one(model):
    given = model.predict(None, pd.DataFrame({"text": [None, "", float("nan")]}))
    assert list(given["text"]) == ["", "", ""]
    assert given.iloc[0, 2:].tolist() == given.iloc[1, 2:].tolist() == given.iloc[2, 2:].tolist()


def test_an_empty_batch_gives_an_empty_answer(model, whole):
    given = model.predict(None, pd.DataFrame({"text": []}))
    assert len(given) == 0
    assert list(given.columns) == list(whole.columns)
