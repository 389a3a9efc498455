import re

import pytest
from imports import ROOT

from pipeline.apps.serve.page.look import letters
from pipeline.apps.serve.page.texts import choose_language, counted, decimal, load_texts
from pipeline.corpus.boilerplate import REASONS
from pipeline.corpus.labels import load_labels

TEXTS = load_texts()


def leaves(value, place=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{place}.{name}")
    else:
        yield place, value


def places(text) -> set[str]:
    return set(re.findall(r"\{\w+\}", text if isinstance(text, str) else text[-1]))


def test_both_languages_say_the_same_things():
    english, indonesian = (
        {place: value for place, value in leaves(TEXTS[code]) if not place.startswith(".definitions")}
        for code in ("en", "id")
    )
    assert english.keys() == indonesian.keys()
    assert {place for place in english if places(english[place]) != places(indonesian[place])} == set()


def test_no_text_has_the_name_of_a_method_which_the_template_would_find_first():
    assert not set(TEXTS["en"]) & set(dir({}))


def test_every_reason_and_every_label_is_translated():
    assert all(texts["reasons"].keys() == REASONS.keys() for texts in TEXTS.values())
    assert set(TEXTS["id"]["definitions"]) == set(load_labels(ROOT / "configs/labels.yaml").names)


def test_letters_of_the_shipped_labels_are_short_in_both_languages():
    labels = load_labels(ROOT / "configs/labels.yaml").labels
    for names in ([label.name for label in labels], [label.indonesian for label in labels]):
        assert max(map(len, letters(names))) <= 2


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "id-ID,id;q=0.9,en;q=0.8", "id"),
        (None, "en;q=0.3, in;q=0.7", "id"),
        (None, "fr,de;q=0.9,id;q=0.1", "id"),
        (None, "id;q=0", "en"),
        (None, "nonsense;;;q=x", "en"),
        ("en", "id", "en"),
        ("id", "en", "id"),
        ("xx", "id", "id"),
    ],
)
def test_language_is_what_was_asked_for_else_what_the_browser_prefers(asked, accepted, expected):
    assert choose_language(asked, accepted) == expected


def test_numbers_are_written_as_the_language_does():
    assert counted(["{n} sentence", "{n} sentences"], 1) == "1 sentence"
    assert counted(["{n} sentence", "{n} sentences"], 0) == "0 sentences"
    assert counted(["{n} kalimat"], 1) == "1 kalimat"
    assert decimal(0.456, "en") == "0.46"
    assert decimal(0.456, "id") == "0,46"
