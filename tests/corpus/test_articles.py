import json

import pytest

from pipeline.corpus.articles import read_corpus
from pipeline.errors import InputError


def write(folder, name, *lines):
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / name).write_text("".join(text + "\n" for text in texts), encoding="utf-8")


def test_articles_come_in_the_order_of_file_names_and_lines(tmp_path):
    write(tmp_path, "2.jsonl", {"id": "c", "text": "x"})
    write(tmp_path, "1.jsonl", {"id": "b", "text": "x"}, {"id": "a", "text": "x"})
    assert [article.id for article in read_corpus(tmp_path)] == ["b", "a", "c"]


def test_all_bad_records_are_listed_at_once(tmp_path):
    write(tmp_path, "1.jsonl", {"id": "a", "text": "x"}, {"id": "b"}, "tidak")
    write(tmp_path, "2.jsonl", {"id": "a", "text": "x"})
    with pytest.raises(InputError) as caught:
        read_corpus(tmp_path)
    heading, missing, invalid, twice = str(caught.value).splitlines()
    assert heading == f"articles in {tmp_path} cannot be used (3):"
    assert missing == f"  {tmp_path}/1.jsonl:2: 'text' is missing; expected an object with 'id', 'title', 'text'"
    assert invalid.startswith(f"  {tmp_path}/1.jsonl:3: is not valid JSON: ")
    assert twice == f"  {tmp_path}/2.jsonl:1: article id 'a' occurs twice, first in {tmp_path}/1.jsonl:1"


def test_article_given_twice_word_for_word_occurs_twice(tmp_path):
    write(tmp_path, "1.jsonl", {"id": "a", "text": "x"}, {"id": "a", "text": "x"})
    with pytest.raises(InputError, match="article id 'a' occurs twice"):
        read_corpus(tmp_path)


def test_folder_without_articles_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no file that can be read"):
        read_corpus(tmp_path)
