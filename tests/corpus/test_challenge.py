"""Challenge sentences: what a line must have."""

import json

import pytest

from pipeline.corpus.challenge import read_challenges
from pipeline.errors import InputError

LABELS = ["appeal", "prohibition"]
BASE = {"id": "a", "rule": "typos", "kind": "minimum", "text": "Camat meminta warga hadir.", "labels": ["appeal"]}


def read(tmp_path, *items):
    path = tmp_path / "challenge.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in items))
    return read_challenges(path, LABELS)


def test_the_three_kinds_are_read(tmp_path):
    same = BASE | {"id": "b", "kind": "invariance", "text": "Camat memminta warga hadir.", "base": "a"}
    less = BASE | {
        "id": "c",
        "kind": "direction",
        "text": "Warga hadir.",
        "base": "a",
        "label": "appeal",
        "direction": "down",
    }
    assert [one.id for one in read(tmp_path, BASE, same, less)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (BASE | {"kind": "invariance"}, "'invariance' and 'direction' have a 'base'"),
        (BASE | {"base": "a"}, "'minimum' has none"),
        (BASE | {"kind": "direction", "base": "a"}, "'direction' has a 'label' and a 'direction'"),
        (BASE | {"kind": "invariance", "base": "z"}, "has the base 'z', which does not exist"),
        (BASE | {"labels": ["praise"]}, "unknown label praise"),
        (BASE | {"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, item, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, item)


def test_an_id_is_used_once(tmp_path):
    with pytest.raises(InputError, match=r"challenge.jsonl:2: id 'a' occurs twice"):
        read(tmp_path, BASE, BASE)
