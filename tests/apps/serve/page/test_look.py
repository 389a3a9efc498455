import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from pipeline.apps.serve.page.look import contrast, letters, style_sheet, text_on, visible
from pipeline.corpus.labels import Label


def label(name: str, colour: str) -> Label:
    return Label(name=name, indonesian=name, definition="x", colour=colour)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["appeal", "prohibition", "sanction", "logistics"], ["A", "P", "S", "L"]),
        (["imbauan", "larangan", "sanksi", "logistik"], ["I", "La", "S", "Lo"]),
        (["vote", "voter"], ["Vote", "Voter"]),
    ],
)
def test_letters_tell_labels_apart(names, expected):
    assert letters(names) == expected


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(st.integers(0, 0xFFFFFF))
@settings(deadline=None, max_examples=60)
def test_text_on_any_colour_can_be_read(colour):
    assert contrast(f"#{colour:06x}", text_on(f"#{colour:06x}")) >= 4.5


def test_a_fifth_label_gets_rules_and_a_line_of_its_own():
    colours = ["#0072B2", "#D55E00", "#CC79A7", "#009E73", "#F0E442"]
    sheet = style_sheet([label(name, colour) for name, colour in zip("abcde", colours, strict=True)])
    lines = re.findall(r"--line-\w: (.*?); }", sheet)
    patterns = {re.sub("#[0-9A-F]{6}", "", line) for line in lines}
    assert len(patterns) == len(colours)
    for name in "abcde":
        assert f".of-{name} {{" in sheet
        assert f".lane4-{name} {{" in sheet
        assert f".article:has(.filter-{name}:checked) .has-{name} .words" in sheet
    assert ".lanes5 { --lanes: 5; }" in sheet


def test_what_cannot_be_seen_is_shown_by_its_code_point():
    shown = visible("a\u202eb\x00c\u2066<i>", "control character")
    assert shown == (
        'a<span class="control" title="control character">U+202E</span>b'
        '<span class="control" title="control character">U+0000</span>c'
        '<span class="control" title="control character">U+2066</span>&lt;i&gt;'
    )


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\u061c", "\u200f", "\u2069", "\U000e0041"]
)
def test_what_has_no_width_or_turns_the_text_is_shown(hidden):
    shown = visible(f"ne{hidden}tral", "x")
    assert hidden not in shown
    assert f"U+{ord(hidden):04X}" in shown


def test_a_lone_surrogate_can_be_sent():
    assert "U+D800" in visible("\ud800", "x").encode().decode()


@given(st.text())
@settings(deadline=None, max_examples=60)
def test_visible_text_holds_no_markup_of_its_own(text):
    left = re.sub(r'<span class="control" title="x">U\+[0-9A-F]{4,5}</span>', "", visible(text, "x"))
    assert not set(left) & set("<>\"'\u202e\u2066\x00")
    assert isinstance(visible(text, "x"), Markup)
