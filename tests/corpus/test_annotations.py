import json
from pathlib import Path

import pytest

from pipeline.corpus.annotations import ADJUDICATOR, Placed, join, read_annotations, settle
from pipeline.corpus.records import Annotation, Sentence
from pipeline.errors import LISTED, InputError

LABELS = ["appeal", "prohibition", "sanction", "logistics"]


def placed(place: str, text: str, labels: tuple[str, ...] = (), annotator: str = "first") -> Placed:
    return Placed(place, Annotation(article_id="a", text=text, labels=labels, annotator=annotator))


def sentence(index: int, text: str, article_id: str = "a") -> Sentence:
    return Sentence(article_id, index, "body", 0, len(text), text)


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def problems(error: InputError) -> list[str]:
    return [line.strip() for line in str(error).splitlines()[1:]]


GOOD = {"article_id": "a", "text": "“Netral,” katanya.", "labels": ["appeal"], "annotator": "first"}


def test_annotations_keep_their_place(tmp_path):
    one, two = write(tmp_path / "1.jsonl", GOOD, {**GOOD, "labels": []}), write(tmp_path / "2.jsonl", GOOD)
    read = read_annotations([one, two], LABELS)
    assert [(item.place, item.annotation.labels) for item in read] == [
        (f"{one}:1", ("appeal",)),
        (f"{one}:2", ()),
        (f"{two}:1", ("appeal",)),
    ]


def test_all_lines_that_are_no_annotation_are_listed(tmp_path):
    path = write(
        tmp_path / "1.jsonl",
        GOOD,
        '{"article_id": "a"',
        {**GOOD, "annotator": ""},
        {key: GOOD[key] for key in ("article_id", "text", "annotator")},
        {**GOOD, "labels": ["appeal", "imbauan", "ban"]},
        {**GOOD, "note": "?"},
        [GOOD],
    )
    with pytest.raises(InputError, match=r"^annotations cannot be read \(6\):\n") as caught:
        read_annotations([path], LABELS)
    invalid, empty, missing, unknown, key, array = problems(caught.value)
    assert invalid.startswith(f"{path}:2: is not valid JSON: ")
    assert empty == f"{path}:3: 'annotator': string should have at least 1 character, found ''"
    assert missing == f"{path}:4: 'labels' is missing"
    assert unknown == f"{path}:5: unknown label ban, imbauan (known: appeal, prohibition, sanction, logistics)"
    assert key == f"{path}:6: unknown key 'note' (known: article_id, text, labels, annotator)"
    assert array.startswith(f"{path}:7: input should be a valid dictionary")


def test_agreement_settles_whatever_the_order_of_labels():
    annotations = [
        placed("1:1", "Netral.", ("appeal", "prohibition")),
        placed("2:1", " NETRAL. ", ("prohibition", "appeal"), "second"),
    ]
    assert settle(annotations) == {("a", "netral."): {"appeal", "prohibition"}}


def test_disagreement_needs_the_adjudicator():
    annotations = [
        placed("1:1", "Netral.", ("appeal",)),
        placed("2:1", "Netral.", (), "second"),
        placed("1:2", "Semua hadir.", ()),
    ]
    with pytest.raises(InputError, match="not settled") as caught:
        settle(annotations)
    assert problems(caught.value) == ["1:1; 2:1: annotators differ; add a line by 'adjudicator'"]


@pytest.mark.parametrize("decision", [("appeal",), (), ("sanction",)])
def test_adjudicator_decides_whatever_the_others_gave(decision):
    annotations = [
        placed("1:1", "Netral.", ("appeal",)),
        placed("3:1", "Netral.", decision, ADJUDICATOR),
        placed("2:1", "Netral.", (), "second"),
    ]
    assert settle(annotations) == {("a", "netral."): frozenset(decision)}


@pytest.mark.parametrize("annotator", ["first", ADJUDICATOR])
def test_annotator_who_contradicts_himself_is_an_error(annotator):
    annotations = [placed("1:1", "Netral.", ("appeal",), annotator), placed("1:9", "netral.", (), annotator)]
    with pytest.raises(InputError) as caught:
        settle(annotations)
    assert problems(caught.value) == [f"1:9: '{annotator}' has labelled this sentence otherwise at 1:1"]


def test_same_text_in_two_articles_is_settled_apart():
    other = Placed("1:2", Annotation(article_id="b", text="Netral.", labels=(), annotator="first"))
    assert settle([placed("1:1", "Netral.", ("appeal",)), other]) == {
        ("a", "netral."): {"appeal"},
        ("b", "netral."): set(),
    }


def test_sentences_find_their_labels_by_normalised_text():
    annotations = [placed("1:1", '"Netral,"  katanya.', ("appeal",)), placed("1:2", "Semua hadir.")]
    sentences = [sentence(0, "Semua hadir."), sentence(1, "“Netral,” katanya.")]
    assert join(sentences, settle(annotations), annotations) == [
        (sentences[0], frozenset()),
        (sentences[1], frozenset({"appeal"})),
    ]


def test_every_line_and_sentence_without_the_other_is_listed():
    annotations = [
        placed("1:1", "Semua hadir."),
        placed("1:2", "Semua pulang."),
        placed("2:2", "Semua pulang.", annotator="second"),
        placed("1:3", "x" * 100),
    ]
    sentences = [sentence(0, "Semua hadir."), sentence(1, "Semua hadir.", "b"), sentence(2, "Netral.")]
    with pytest.raises(InputError, match=r"^annotations and sentences do not match \(5\):\n") as caught:
        join(sentences, settle(annotations), annotations)
    assert problems(caught.value) == [
        "b, sentence 1: no annotation for 'Semua hadir.'",
        "a, sentence 2: no annotation for 'Netral.'",
        "1:2: matches no sentence of a: 'Semua pulang.'",
        "2:2: matches no sentence of a: 'Semua pulang.'",
        f"1:3: matches no sentence of a: '{'x' * 77}...'",
    ]


def test_long_lists_of_problems_say_how_many_more_there_are():
    annotations = [placed(f"1:{number}", f"Kalimat {number}.") for number in range(LISTED + 5)]
    with pytest.raises(InputError, match=rf"\({LISTED + 5}\):") as caught:
        join([], settle(annotations), annotations)
    assert len(problems(caught.value)) == LISTED + 1
    assert problems(caught.value)[-1] == "… and 5 more"
