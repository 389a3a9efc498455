import pytest

from pipeline.corpus.jsonl import read_jsonl
from pipeline.corpus.records import Annotation

LINE = b'{"article_id": "a", "text": "Netral.", "labels": [], "annotator": "first"}'


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (LINE + b"\n" + LINE + b"\n", [1, 2]),
        (b"\n\n" + LINE + b"\n  \r\n" + LINE, [3, 5]),
        (b"\xef\xbb\xbf" + LINE + b"\r\n", [1]),
        (b"", []),
    ],
)
def test_blank_lines_and_a_byte_order_mark_are_no_lines(tmp_path, content, lines):
    path = tmp_path / "first.jsonl"
    path.write_bytes(content)
    problems: list[str] = []
    assert [place for place, _ in read_jsonl(path, Annotation, problems)] == [f"{path}:{line}" for line in lines]
    assert problems == []


def test_lines_that_are_no_record_are_named_and_the_others_read(tmp_path):
    path = tmp_path / "first.jsonl"
    path.write_bytes(b"{\n" + LINE + b'\n{"text": "Netral."}\n\xff\n')
    problems: list[str] = []
    (read,) = read_jsonl(path, Annotation, problems)
    assert read[0] == f"{path}:2"
    assert [problem.partition(": ")[0] for problem in problems] == [f"{path}:1", f"{path}:3", f"{path}:4"]
    assert "is not valid JSON" in problems[0]
    assert "'article_id' is missing; 'labels' is missing; 'annotator' is missing" in problems[1]
