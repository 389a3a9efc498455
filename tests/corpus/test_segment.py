import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.corpus.boilerplate import REASONS
from pipeline.corpus.readers import read_records
from pipeline.corpus.records import Article
from pipeline.corpus.segment import SegmentConfig, segment

ROOT = Path(__file__).parents[2]
PAGES = sorted((Path(__file__).parent / "pages").glob("*.txt"))
# Real pages, which the repository may not carry; it keeps the offsets of their sentences alone.
SAMPLES = Path(os.environ.get("NETRAL_SAMPLES", ROOT.parent / "shared" / "samples"))
SAMPLE_SENTENCES = json.loads((Path(__file__).parent / "samples.json").read_text(encoding="utf-8"))
CONFIG = SegmentConfig()


def read_article(path: Path) -> Article:
    (article,) = read_records(path)
    assert isinstance(article, Article), article
    return article


def pieces(article: Article) -> list[tuple[str, str]]:
    """Return ``(kind, text)`` of all sentences and removed pieces in the order of the page, white space folded."""
    result = segment(article, CONFIG)
    placed = [(sentence.field, sentence.start, "sentence", sentence.text) for sentence in result.sentences]
    placed += [
        (part.field, part.start, part.reason, article.field(part.field)[part.start : part.end])
        for part in result.removed
    ]
    placed.sort(key=lambda piece: (piece[0] != "title", piece[1]))
    return [(kind, " ".join(text.split())) for _, _, kind, text in placed]


def expected_pieces(page: Path) -> list[tuple[str, str]]:
    lines = page.with_suffix(".tsv").read_text(encoding="utf-8").splitlines()
    return [(kind, text) for kind, text in (line.split("\t") for line in lines)]


def assert_covered(article: Article) -> None:
    """Assert that sentences and removed pieces, with white space between them, are the whole article, each part once."""
    result = segment(article, CONFIG)
    assert [sentence.index for sentence in result.sentences] == list(range(len(result.sentences)))
    places = [(sentence.field != "title", sentence.start) for sentence in result.sentences]
    assert places == sorted(places)
    for sentence in result.sentences:
        assert sentence.article_id == article.id
        assert article.field(sentence.field)[sentence.start : sentence.end] == sentence.text
        assert sentence.text == sentence.text.strip() != ""
    for part in result.removed:
        assert part.reason in REASONS
    for field in ("title", "body"):
        text, position = article.field(field), 0
        parts = [*result.sentences, *result.removed]
        for start, end in sorted((part.start, part.end) for part in parts if part.field == field):
            assert position <= start < end
            assert not text[position:start].strip()
            position = end
        assert not text[position:].strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_exactly_these_sentences_and_this_boilerplate(page):
    assert pieces(read_article(page)) == expected_pieces(page)


def test_pages_show_boilerplate_of_every_reason():
    shown = {kind for page in PAGES for kind, _ in expected_pieces(page)}
    assert shown == {"sentence", *REASONS}


@pytest.mark.parametrize("name", SAMPLE_SENTENCES)
def test_real_page_keeps_its_sentences(name):
    if not (SAMPLES / name).is_file():
        pytest.skip(f"{name} is not in {SAMPLES}; NETRAL_SAMPLES names the folder that has the real pages")
    article = read_article(SAMPLES / name)
    found = [[sentence.field, sentence.start, sentence.end] for sentence in segment(article, CONFIG).sentences]
    assert found == SAMPLE_SENTENCES[name]
    assert_covered(article)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_covered(page):
    assert_covered(read_article(page))


def test_shipped_config_has_the_defaults():
    assert load_config(ROOT / "configs" / "segment.yaml", SegmentConfig) == CONFIG


WORDS = """
    ASN netral wajib Bupati meminta pegawai dilarang kampanye pilkada TPS surat suara KPU tidak boleh "netral" “Jangan ” (PNS)
    Plt. Drs. H. M. Si S.H., M.H. No. 5 Kab. Seruyan Des. Rp1,5 Rp. miliar 1.245 08.00 WIB 75,6 (13/10/2020) 9 Des. 2020 s.d. dll.
    1. a. - • ... … ? ! ?! ," ,” ." .” katanya. ujarnya.(fik) TPS.Distribusi Nusapena.co komentar foto Foto: editor oleh: Baca juga:
""".split()
LINES = """
    Baca juga: Kapal logistik tertahan|(Baca: Jembatan putus)|Baca juga:|ADVERTISEMENT|banner 728x250|0|3 menit baca|Komentar
    |Tinggalkan Balasan|Sampit (Nusapena) - |KBRN, Sampit: |(Foto A|***|(red)|#asn #pilkada|id asn,pilkada|Beranda > Politik > ASN
    |00:00:00 / 00:00:00|Editor: Budi|COPYRIGHT © 2020|Senin, 5 Oktober 2020|Judul yang sama dengan berita ini|Sub Judul
""".split("|")
UNICODE = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Z", "C")), max_size=12)
PROSE = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
PIECE = st.one_of(PROSE, st.sampled_from(LINES), UNICODE)
GLUE = st.sampled_from(["\n", "\n\n", "\r\n", " ", "", "\t", "\n  ", "\u2028", "\x00", "\x85", "\xa0"])
PAGE = st.lists(st.tuples(PIECE, GLUE), max_size=20).map(lambda parts: "".join(text + glue for text, glue in parts))


@settings(deadline=None, max_examples=300)
@given(title=st.one_of(PIECE, st.just("Judul yang sama dengan berita ini")), text=PAGE)
def test_any_page_is_covered_by_sentences_and_boilerplate(title, text):
    assert_covered(Article(id="x", title=title, text=text))


@settings(deadline=None, max_examples=100)
@given(text=st.text(st.characters(categories=("L", "M", "N", "P", "S", "Z", "C")), max_size=200))
def test_any_string_is_survived(text):
    assert_covered(Article(id="x", title=text, text=text))


@settings(deadline=None, max_examples=20)
@given(text=PAGE.filter(bool), times=st.integers(20, 100))
def test_very_long_lines_are_covered(text, times):
    assert_covered(Article(id="x", title="", text=text.replace("\n", " ") * times))


# Each once made some pattern look at the whole rest of the line from each of its places, or could.
HOSTILE = ["A/", '" baca juga:', "(baca: x ", "S.H. M.H., ", "Dr. ", "( ", "((", "“ ", ". ", "...", "#a ", "-- "]
HOSTILE += ["1. ", "a > b ", "Foto: ", ".AB/Cd", "\x00", " "]


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("page", ["{} kata kata kata kata.", "Kata kata kata kata. {}"])
def test_time_grows_with_length_alone(pattern, page):
    text = page.format(pattern * (200_000 // len(pattern)))
    start = time.process_time()
    segment(Article(id="x", title=text[:2000], text=text), CONFIG)
    assert time.process_time() - start < 5  # a second where all is well, minutes where time grows with the square


def test_many_short_lines_take_time_in_proportion():
    start = time.process_time()
    segment(Article(id="x", title="", text="A\n" * 50_000), CONFIG)
    assert time.process_time() - start < 8


def test_title_comes_first_and_is_a_sentence():
    article = Article(id="x", title="Bupati minta pegawai netral", text="Apel digelar pagi ini. Semua hadir.")
    assert [(sentence.index, sentence.field, sentence.text) for sentence in segment(article, CONFIG).sentences] == [
        (0, "title", "Bupati minta pegawai netral"),
        (1, "body", "Apel digelar pagi ini."),
        (2, "body", "Semua hadir."),
    ]


def test_title_of_few_words_is_a_heading():
    article = Article(id="x", title="Kabar Daerah", text="Apel digelar pagi ini.")
    assert pieces(article) == [("heading", "Kabar Daerah"), ("sentence", "Apel digelar pagi ini.")]


def test_empty_article_has_no_pieces():
    result = segment(Article(id="x", title="", text=" \n "), CONFIG)
    assert (result.sentences, result.removed) == ([], [])


def test_repeated_sentence_counts_once_whatever_its_quotes_and_case():
    text = '“Tetap netral sampai hari terakhir,” katanya. "TETAP  netral sampai hari terakhir," katanya.'
    assert [kind for kind, _ in pieces(Article(id="x", text=text))] == ["sentence", "repeat"]


def test_short_answers_may_repeat():
    text = "Tidak boleh. Lalu apa sanksinya bagi pegawai itu? Tidak boleh."
    assert [kind for kind, _ in pieces(Article(id="x", text=text))] == ["sentence"] * 3
