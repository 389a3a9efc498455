import pytest

from pipeline.apps.serve.page.intake import Form, UnreadableError, kind_of, read_articles, read_form

TEXT = "Camat ingatkan pegawai\n\nJangan ikut kampanye.\n"
PAGE = (
    "<!doctype html><html><head><title>Camat ingatkan pegawai</title></head><body><article><h1>Camat ingatkan pegawai</h1>"
    + "<p>Pegawai diminta menjaga netralitas selama masa kampanye yang dimulai pekan depan di seluruh kecamatan.</p>"
    * 3
    + "</article></body></html>"
)
LINES = '{"id": "a", "title": "T", "text": "Satu."}\n{"id": 2, "text": "Dua."}\n'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (TEXT, "text"),
        (PAGE, "html"),
        ("\n  <p>Pegawai", "html"),
        ("\ufeff<HTML>", "html"),
        (LINES, "jsonl"),
        ('  { "id": 1}', "jsonl"),
        ("{bukan json}", "text"),
        ("<script>alert(1)</script>", "text"),
        ("<3 pemilu", "text"),
        ("", "text"),
    ],
)
def test_kind_is_told_from_the_beginning(content, kind):
    assert kind_of(content.encode()) == kind


def test_the_first_line_of_a_text_is_its_headline():
    (article,), rejects = read_articles(TEXT.encode(), "text")
    assert (article.title, article.text, rejects) == ("Camat ingatkan pegawai", "\nJangan ikut kampanye.\n", [])


@pytest.mark.parametrize("text", ["Jangan ikut kampanye.", "Pegawai diminta netral. " * 20 + "\nLalu pulang."])
def test_a_paragraph_is_no_headline(text):
    (article,), _ = read_articles(text.encode(), "text")
    assert article.title == ""
    assert article.text.split() == text.split()


def test_equal_texts_are_one_article_wherever_they_come_from():
    first, second, other = (read_articles(text.encode(), "text")[0][0].id for text in (TEXT, TEXT, TEXT + "Lagi."))
    assert first == second != other


def test_a_page_gives_its_article():
    (article,), _ = read_articles(PAGE.encode(), "html")
    assert article.title == "Camat ingatkan pegawai"
    assert "menjaga netralitas" in article.text
    assert "<p>" not in article.text


def test_records_keep_their_ids_and_bad_ones_are_told():
    articles, rejects = read_articles((LINES + "tidak\n" + '{"id": "a", "text": "Lagi."}\n').encode(), "jsonl")
    assert [article.id for article in articles] == ["a", "2"]
    assert ["JSON" in reject.reason or "earlier" in reject.reason for reject in rejects] == [True, True]


@pytest.mark.parametrize(
    ("content", "kind", "name", "detail"),
    [
        (b" \n ", "text", "empty", ""),
        (b"https://example.org/berita/1", "text", "address", ""),
        (b"www.example.org", "html", "address", ""),
        (b"file", "jsonl", "unreadable", "is not valid JSON"),
        (b'{"id": "x", "text": "\\ud800"}', "jsonl", "unreadable", "is not valid JSON"),
        (b'{"id": "x"}', "jsonl", "unreadable", "'text' is missing"),
        (b"\xed\xa0\x80 satu", "text", "unreadable", "is not UTF-8"),
        (b"satu\0dua", "text", "unreadable", "is a binary file"),
        (b"<html><body></body></html>", "html", "no_article", ""),
    ],
)
def test_what_cannot_be_read_is_told(content, kind, name, detail):
    with pytest.raises(UnreadableError) as refused:
        read_articles(content, kind)
    assert refused.value.name == name
    assert detail in refused.value.detail


def test_an_address_is_never_opened(tmp_path):
    """What looks like a path or an address is text; no file is read for it."""
    secret = tmp_path / "rahasia.txt"
    secret.write_text("Isi rahasia.")
    (article,), _ = read_articles(f"{secret}\nDua.".encode(), "text")
    assert "Isi rahasia" not in article.title + article.text


def test_a_form_is_read_with_its_line_breaks_as_they_were_typed():
    assert read_form(b"text=a%0D%0Ab+%C3%A9&kind=html&unknown=1") == Form(text="a\nb é", kind="html")


@pytest.mark.parametrize("body", [b"text=%ED%A0%80", b"text=%FF", b"text=\xff", b"&".join([b"a=1"] * 100)])
def test_a_form_that_is_none_is_refused(body):
    with pytest.raises(UnreadableError):
        read_form(body)
