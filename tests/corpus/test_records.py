from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.corpus.records import Annotation, Article, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("“ASN harus netral,” katanya.", '"ASN harus netral," katanya.'),
        ("‘Netral’ itu wajib", "'netral' ITU wajib"),
        ("Ma’ruf dan Ma`ruf", "ma'ruf dan ma'ruf"),
        ("  dua \t kata\u00a0lagi\n", "dua kata lagi"),
        ("tawar–menawar — selesai", "tawar-menawar - selesai"),
    ],
)
def test_spellings_of_one_sentence_are_equal_when_normalised(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("ASN netral.", "ASN netral"), ("boleh", "tidak boleh"), ("Rp1,5", "Rp15")])
def test_different_sentences_stay_different_when_normalised(one, other):
    assert normalise(one) != normalise(other)


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


def test_article_has_a_title_and_a_body():
    article = Article(id="a", title="Judul", text="Isi")
    assert (article.field("title"), article.field("body")) == ("Judul", "Isi")


def test_title_may_be_missing_or_null():
    assert Article(id="a", text="Isi").title == Article(id="a", title=None, text="Isi").title == ""


@pytest.mark.parametrize(
    "published",
    ["2020-10-13", " 2020-10-13T16:42:00Z", "2020-10-13 16:42", date(2020, 10, 13), datetime(2020, 10, 13, 16, 42)],
)
def test_publication_is_its_day(published):
    assert Article(id="a", text="Isi", published=published).published == date(2020, 10, 13)


@pytest.mark.parametrize("published", [None, "", " "])
def test_publication_may_be_unknown(published):
    assert Article(id="a", text="Isi", published=published).published is None


@pytest.mark.parametrize(
    "values", [{"id": "", "text": "Isi"}, {"id": "a"}, {"id": "a", "text": "Isi", "published": "13/10/2020"}]
)
def test_article_without_id_text_or_a_true_date_is_none(values):
    with pytest.raises(ValidationError):
        Article(**values)


def test_article_does_not_change():
    article = Article(id="a", text="Isi")
    with pytest.raises(ValidationError, match="frozen"):
        article.text = "Lain"


def test_annotation_refuses_keys_that_it_does_not_know():
    with pytest.raises(ValidationError, match="label"):
        Annotation(article_id="a", text="Isi", labels=(), annotator="first", label="appeal")
