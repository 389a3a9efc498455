from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.apps.serve.page.marking import prepare
from pipeline.apps.serve.schema import ArticleOut
from pipeline.corpus.records import Article
from pipeline.corpus.segment import SegmentConfig, segment

TEXT = """Beranda > Politik

LUBUK SERAI, Kabar - Camat meminta pegawai netral. Ia pulang.
Warga datang.

Baca juga: Jembatan Dibuka"""


def answer(article: Article) -> ArticleOut:
    """What the classifier answers where it finds no label."""
    cut = segment(article, SegmentConfig())
    sentences = [
        {"index": s.index, "field": s.field, "start": s.start, "end": s.end, "text": s.text}
        | {"labels": [], "scores": {}, "truncated": False}
        for s in cut.sentences
    ]
    removed = [{"field": r.field, "start": r.start, "end": r.end, "reason": r.reason} for r in cut.removed]
    return ArticleOut.model_validate({"id": article.id, "sentences": sentences, "removed": removed})


def test_paragraphs_are_those_of_the_article():
    article = Article(id="a", title="Camat minta pegawai tetap netral", text=TEXT)
    shown = prepare(article, answer(article))
    assert [piece.text for piece in shown.headline] == ["Camat minta pegawai tetap netral"]
    assert [[(piece.text, piece.reason) for piece in paragraph] for paragraph in shown.paragraphs] == [
        [("Beranda > Politik", "breadcrumb")],
        [("LUBUK SERAI, Kabar - ", "dateline"), ("Camat meminta pegawai netral.", None), ("Ia pulang.", None)],
        [("Warga datang.", None)],
        [("Baca juga: Jembatan Dibuka", "related")],
    ]
    assert shown.removed == 3
    assert shown.count(None) == 4


def test_equal_sentences_point_to_the_first_of_them():
    article = Article(id="a", text="Tidak boleh. Camat pulang. Tidak  boleh. Warga datang.")
    shown = prepare(article, answer(article))
    texts = [sentence["text"] for sentence in shown.data["sentences"]]
    same = [sentence["same"] for sentence in shown.data["sentences"]]
    assert texts == ["Tidak boleh.", "Camat pulang.", "Tidak  boleh.", "Warga datang."]
    assert same == [0, 1, 0, 3]


def test_the_article_comes_back_as_it_was_given():
    article = Article(id="a", title="T", text=TEXT, source="Kabar", published="2024-09-10")
    data = prepare(article, answer(article)).data
    del data["sentences"]
    assert data == {"id": "a", "title": "T", "text": TEXT, "source": "Kabar", "published": "2024-09-10"}


@given(st.text(alphabet='Aab .!?\n\r\u2028\t"“”-—1', max_size=120))
@settings(deadline=None, max_examples=100)
def test_nothing_but_white_space_is_lost(text):
    article = Article(id="a", text=text)
    shown = prepare(article, answer(article))
    pieces = "".join(piece.text for paragraph in shown.paragraphs for piece in paragraph)
    assert "".join(pieces.split()) == "".join(text.split())
