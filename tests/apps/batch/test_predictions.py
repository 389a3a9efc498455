"""Windows: as many records as fit, whatever they hold."""

import pytest

from pipeline.apps.batch import predictions
from pipeline.apps.batch.predictions import Window, predict
from pipeline.classifier.predict import Classifier
from pipeline.corpus.readers import Placed
from pipeline.corpus.records import Article


@pytest.fixture(scope="module")
def classifier(checkpoint) -> Classifier:
    return Classifier(checkpoint)


def windows(classifier: Classifier, texts: list[str]) -> list[Window]:
    placed = [Placed(f"a:{number}", Article(id=str(number), text=text)) for number, text in enumerate(texts)]
    found = list(predict(iter(placed), classifier))
    assert [item.record.id for window in found for item in window.placed] == [str(n) for n in range(len(texts))]
    return found


def test_a_window_ends_with_the_record_that_fills_it(classifier, monkeypatch):
    monkeypatch.setattr(predictions, "WINDOW", 5)
    texts = ["Camat meminta pegawai netral. Apel digelar di kantor."] * 7
    assert [len(window.placed) for window in windows(classifier, texts)] == [3, 3, 1]


def test_long_records_of_few_sentences_are_not_all_held(classifier, monkeypatch):
    """Four thousand records of a sentence each may have gigabytes of text."""
    monkeypatch.setattr(predictions, "WINDOW_CHARACTERS", 3000)
    texts = ["kata " * 200 + "selesai sudah."] * 7
    assert [len(window.placed) for window in windows(classifier, texts)] == [3, 3, 1]
