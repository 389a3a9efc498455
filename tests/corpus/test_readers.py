import csv
import errno
import gzip
import io
import json
import os
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipeline.corpus.input_files import LONGEST_RECORD
from pipeline.corpus.readers import LooseSentence, Reject, read_records
from pipeline.corpus.records import Article
from pipeline.errors import InputError

ROWS = [
    {
        "id": "serai-1",
        "title": "Camat ingatkan pegawai",
        "text": "Apel digelar.\n\n“Netral,” katanya.",
        "source": "Suara Serai",
        "published": "2020-10-13",
        "url": "https://suaraserai.example/1",
    },
    {
        "id": "serai-2",
        "title": "",
        "text": 'Semua hadir, juga camat; "lengkap".',
        "source": None,
        "published": None,
        "url": None,
    },
]
ARTICLES = [
    Article(**{**ROWS[0], "published": date(2020, 10, 13)}),
    Article(id="serai-2", title="", text=ROWS[1]["text"]),
]


def jsonl(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def comma_separated(rows: list[dict]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows: list[dict]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def read(folder: Path, name: str, content: bytes, model=Article) -> list:
    (folder / name).write_bytes(content)
    return list(read_records(folder / name, model))


def rejects(folder: Path, name: str, content: bytes, model=Article) -> list[tuple[str, str, str]]:
    """Return ``(place, reason, expected)`` of all records, which must be rejects; places are relative to ``folder``."""
    records = read(folder, name, content, model)
    assert all(isinstance(record, Reject) for record in records), records
    return [(record.place.removeprefix(f"{folder}/"), record.reason, record.expected) for record in records]


PLAIN = {
    "news.jsonl": jsonl(ROWS),
    "news.ndjson": jsonl(ROWS),
    "news.csv": comma_separated(ROWS),
    "news.parquet": parquet(ROWS),
}
COMPRESSED = {
    name + suffix: compress(content)
    for suffix, compress in ((".gz", gzip.compress), (".zst", zstandard.compress))
    for name, content in PLAIN.items()
    if name != "news.parquet"
}
BOM = {name: b"\xef\xbb\xbf" + content for name, content in PLAIN.items() if name != "news.parquet"}


@pytest.mark.parametrize("name", PLAIN | COMPRESSED)
def test_every_format_gives_the_same_articles(tmp_path, name):
    assert read(tmp_path, name, (PLAIN | COMPRESSED)[name]) == ARTICLES


@pytest.mark.parametrize("name", BOM)
def test_byte_order_mark_is_no_content(tmp_path, name):
    assert read(tmp_path, name, BOM[name]) == ARTICLES


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_text_file_has_its_title_in_the_first_line(tmp_path, newline):
    content = newline.join([b"\xef\xbb\xbf", b" Camat ingatkan pegawai ", b"", b"Apel digelar."])
    (article,) = read(tmp_path, "apel.txt", content)
    assert article == Article(
        id=(tmp_path / "apel.txt").as_posix(),
        title="Camat ingatkan pegawai",
        text=(newline + b"Apel digelar.").decode(),
    )


def test_compressed_text_file_is_read(tmp_path):
    (article,) = read(tmp_path, "apel.txt.gz", gzip.compress(b"Judul\nApel digelar."))
    assert (article.title, article.text) == ("Judul", "Apel digelar.")


def test_page_gives_its_article_without_what_stands_around_it():
    page = Path(__file__).parent / "pages" / "suara_serai.html"
    (article,) = read_records(page)
    assert isinstance(article, Article), article
    assert article.title == "Camat Merawan Hulu: Perahu Dinas Bukan Perahu Kampanye"
    assert (article.source, article.published) == ("Suara Serai", date(2020, 11, 17))
    assert article.url == "https://suaraserai.example/pilkada/perahu-dinas"
    for inside in (
        "MERAWAN HULU, Suaraserai – Camat",
        "“Perahu dinas itu dibeli",
        "dapat diberhentikan",
        "empat perahu motor sewaan.",
    ):
        assert inside in article.text
    for around in ("Beranda", "Bagikan", "Harga Karet", "Setuju dengan Pak Camat", "dilindungi", "Iklan"):
        assert around not in article.text


def test_paragraphs_of_a_page_stay_apart():
    (article,) = read_records(Path(__file__).parent / "pages" / "suara_serai.html")
    assert "mana pun selama masa kampanye.\n\n“Perahu dinas itu" in article.text


@pytest.mark.parametrize("body", ["", "<img src='apel.jpg'>", "<script>apel()</script>"])
def test_page_without_text_is_rejected(tmp_path, body):
    page = f"<html><head><title>Apel</title></head><body>{body}</body></html>"
    assert rejects(tmp_path, "kosong.html", page.encode()) == [("kosong.html", "holds no article text", "a news page")]


def test_columns_of_the_user_are_passed_over(tmp_path):
    (article,) = read(tmp_path, "a.jsonl", jsonl([{"id": "a", "text": "Apel.", "halaman": 3, "tags": ["asn"]}]))
    assert article == Article(id="a", text="Apel.")


def test_numbers_as_ids_are_text(tmp_path):
    table = pa.table({"id": [17], "text": ["Apel."]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert [article.id for article in read_records(tmp_path / "a.parquet")] == ["17"]


@pytest.mark.parametrize("published", [datetime(2020, 10, 13, 16, 42), date(2020, 10, 13), "2020-10-13T16:42:00+07:00"])
def test_publication_is_a_day_whatever_its_column_holds(tmp_path, published):
    pq.write_table(pa.table({"id": ["a"], "text": ["Apel."], "published": [published]}), tmp_path / "a.parquet")
    assert [article.published for article in read_records(tmp_path / "a.parquet")] == [date(2020, 10, 13)]


def test_sentence_records_need_id_and_text_alone(tmp_path):
    records = read(tmp_path, "a.jsonl", jsonl([{"id": 1, "text": "Jangan memihak.", "labels": []}]), LooseSentence)
    assert records == [LooseSentence(id="1", text="Jangan memihak.")]


def test_page_is_no_sentence_record(tmp_path):
    (reject,) = rejects(tmp_path, "apel.txt", b"Judul\nApel.", LooseSentence)
    assert reject[:2] == ("apel.txt", "holds articles")
    assert "--unit sentence" in reject[2]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.txt", "a.html", "a.jsonl.gz"])
def test_empty_file_is_rejected(tmp_path, name):
    assert [reject[:2] for reject in rejects(tmp_path, name, b"")] == [(name, "the file is empty")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl.gz", gzip.compress(b"")),
        ("a.jsonl", b"\n \n"),
        ("a.txt", b"\r\n"),
        ("a.txt.zst", zstandard.compress(b"")),
    ],
)
def test_file_of_white_space_is_empty(tmp_path, name, content):
    assert [reject[:2] for reject in rejects(tmp_path, name, content)] == [(name, "the file is empty")]


@pytest.mark.parametrize("name", ["a.txt", "a.html"])
def test_binary_file_is_rejected(tmp_path, name):
    assert rejects(tmp_path, name, b"\x89PNG\r\n\0\0\rIHDR") == [(name, "is a binary file", "UTF-8 text")]


def test_text_file_that_is_not_utf8_is_rejected_with_the_first_wrong_byte(tmp_path):
    assert rejects(tmp_path, "a.txt", b"Judul\nApel \x93netral\x94.") == [
        ("a.txt", "is not UTF-8: byte 11", "UTF-8 text")
    ]


BAD_LINES = {
    b'{"id": "a", "text": "Apel \xff."}': "is not valid JSON",
    b'{"id": "a", "text": "Ap': "is not valid JSON",
    b"id,text": "is not valid JSON",
    b'["a", "Apel."]': "found list",
    b'"Apel."': "found str",
    b"null": "found NoneType",
    b'{"text": "Apel."}': "'id' is missing",
    b'{"id": "a", "title": "Apel"}': "'text' is missing",
    b'{"id": "", "text": "Apel."}': "'id': string should have at least 1 character, found ''",
    b'{"id": "a", "text": null}': "'text': input should be a valid string, found None",
    b'{"id": "a", "text": "Apel.", "published": "kemarin"}': "'published': ",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=BAD_LINES.values())
def test_bad_line_is_rejected_with_its_place_and_the_rest_is_read(tmp_path, line):
    good = jsonl(ROWS[1:])
    first, reject, last = read(tmp_path, "a.jsonl", good + b"\n" + line + b"\n" + good)
    assert (first, last) == (ARTICLES[1], ARTICLES[1])
    assert reject.place == f"{tmp_path}/a.jsonl:3"
    assert reject.reason.startswith(BAD_LINES[line])
    assert reject.expected in {
        "one JSON object per line, in UTF-8",
        "an object with 'id', 'title', 'text'",
    }


BAD_ROWS = {
    b"b,Apel \xff.": ("is not UTF-8", "UTF-8 text"),
    b"b,Apel,pagi": ("has 3 fields", "2 fields, as in the header"),
    b"b": ("has 1 fields", "2 fields, as in the header"),
    b",Apel.": ("'id' is missing", "an object with 'id', 'title', 'text'"),
}


@pytest.mark.parametrize("row", BAD_ROWS, ids=[reason for reason, _ in BAD_ROWS.values()])
def test_bad_row_is_rejected_with_its_line_and_the_rest_is_read(tmp_path, row):
    content = b'id,text\na,"Apel\ndigelar."\n' + row + b"\nc,Semua hadir.\n"
    first, reject, last = read(tmp_path, "a.csv", content)
    assert (first.text, last.text) == ("Apel\ndigelar.", "Semua hadir.")
    assert reject == Reject(f"{tmp_path}/a.csv:4", *BAD_ROWS[row])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"nomor;judul\n1;Apel\n"),
        ("a.csv", b"nomor,judul\n1,Apel\n"),
        ("a.parquet", parquet([{"nomor": "1", "judul": "Apel"}])),
    ],
)
def test_missing_columns_are_named_with_those_that_are_there(tmp_path, name, content):
    ((place, reason, expected),) = rejects(tmp_path, name, content)
    assert place == name
    assert reason in {
        "has no column 'id', 'text' (has 'nomor', 'judul')",
        "has no column 'id', 'text' (has 'nomor;judul')",
    }
    assert "columns" in expected


def test_bad_parquet_row_is_rejected_with_its_number(tmp_path):
    records = read(tmp_path, "a.parquet", parquet([{"id": "a", "text": "Apel."}, {"id": "b", "text": None}]))
    assert records == [
        Article(id="a", text="Apel."),
        Reject(
            f"{tmp_path}/a.parquet:2",
            "'text': input should be a valid string, found None",
            "an object with 'id', 'title', 'text'",
        ),
    ]


def parquet_with(texts: list[bytes], titles: list[str]) -> bytes:
    """Return a file whose texts need not be UTF-8."""
    sink = io.BytesIO()
    text = pa.array(texts, pa.binary()).view(pa.string())
    columns = {"id": [str(number) for number in range(1, len(texts) + 1)], "title": titles, "text": text}
    pq.write_table(pa.table(columns), sink, row_group_size=100)
    return sink.getvalue()


def test_parquet_row_that_is_not_utf8_costs_that_row_alone(tmp_path):
    texts = [b"Apel."] * 200
    texts[2] = texts[150] = b"Apel \xff."
    records = read(tmp_path, "a.parquet", parquet_with(texts, [""] * 200))
    rejected = {record.place: record.reason for record in records if isinstance(record, Reject)}
    assert rejected.keys() == {f"{tmp_path}/a.parquet:3", f"{tmp_path}/a.parquet:151"}
    assert all("cannot be decoded: 'utf-8' codec can't decode" in reason for reason in rejected.values())
    assert [record.id for record in records if isinstance(record, Article)] == [
        str(number) for number in range(1, 201) if number not in {3, 151}
    ]


def test_parquet_row_that_is_too_long_in_any_column_is_rejected(tmp_path):
    titles = ["", "x" * (LONGEST_RECORD + 1), "", ""]
    first, long, *rest = read(tmp_path, "a.parquet", parquet_with([b"Apel."] * 4, titles))
    assert (first.id, [record.id for record in rest]) == ("1", ["3", "4"])
    assert (long.place, long.reason) == (f"{tmp_path}/a.parquet:2", f"is longer than {LONGEST_RECORD} bytes")


def test_parquet_row_group_of_long_rows_is_not_loaded(tmp_path):
    titles = [*([""] * 100), *(str(number) * (LONGEST_RECORD + 9) for number in range(2))]
    *read_well, reject = read(tmp_path, "a.parquet", parquet_with([b"Apel."] * 102, titles))
    assert len(read_well) == 100
    assert reject.place == f"{tmp_path}/a.parquet:101"
    assert reject.reason == f"and all rows up to 102 are longer than {LONGEST_RECORD} bytes on average"


def test_damaged_parquet_row_group_costs_its_rows_alone(tmp_path):
    content = bytearray(parquet_with([f"Apel ke-{number}.".encode() for number in range(300)], [""] * 300))
    chunk = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(1).column(2)
    content[chunk.data_page_offset - 60 : chunk.data_page_offset] = b"\xff" * 60
    *_, last = records = read(tmp_path, "a.parquet", bytes(content))
    (reject,) = (record for record in records if isinstance(record, Reject))
    assert reject.place == f"{tmp_path}/a.parquet:101"
    assert reject.reason.startswith("and all rows up to 200 are not valid Parquet: ")
    assert (len(records), last.id) == (201, "300")


@pytest.mark.parametrize("content", [b"PAR1 is not enough PAR1", parquet(ROWS)[:-10], jsonl(ROWS)])
def test_broken_parquet_is_rejected(tmp_path, content):
    ((place, reason, expected),) = rejects(tmp_path, "a.parquet", content)
    assert (place, expected) == ("a.parquet", "a Parquet file")
    assert reason.startswith("is not valid Parquet: ")


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_truncated_file_gives_what_is_whole_and_a_reject(tmp_path, suffix, compress):
    content = compress(jsonl([{"id": str(number), "text": f"Apel ke-{number**9}."} for number in range(20_000)]))
    *articles, reject = read(tmp_path, "a.jsonl" + suffix, content[: len(content) // 2])
    assert 0 < len(articles) < 20_000
    assert [article.id for article in articles] == [str(number) for number in range(len(articles))]
    assert reject.place == f"{tmp_path}/a.jsonl{suffix}"
    assert reject.reason.startswith("cannot be read on: ")
    assert reject.expected == "a whole, readable file"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_file_that_is_not_compressed_as_its_name_says_is_rejected(tmp_path, suffix):
    ((place, reason, _),) = rejects(tmp_path, "a.jsonl" + suffix, jsonl(ROWS))
    assert (place, reason[:20]) == (
        "a.jsonl" + suffix,
        "cannot be read on: Z" if suffix == ".zst" else "cannot be read on: N",
    )


def test_file_that_has_gone_is_rejected(tmp_path):
    (reject,) = read_records(tmp_path / "a.jsonl")
    assert reject.place == f"{tmp_path}/a.jsonl"
    assert "No such file" in reject.reason


def test_a_quote_that_is_never_closed_costs_its_rows_and_no_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"Satu."\n2,"dua\n3,"Tiga."\n4,Empat.\n5,"Lima\n')
    first, broken, fourth, unended = read_records(path)
    assert (first.id, fourth.id) == ("1", "4")
    assert (broken.place, unended.place) == (f"{path}:4", f"{path}:6")
    assert "is not valid CSV" in broken.reason
    assert "unexpected end of data" in unended.reason


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ConnectionResetError(), TimeoutError()])
def test_trouble_that_is_not_the_files_is_no_reject(tmp_path, monkeypatch, error):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "Apel."}\n')

    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr("pipeline.corpus.readers.open_bytes", fails)
    with pytest.raises(InputError, match=r"a\.jsonl: cannot be read now: .*; the same command goes on when it can"):
        list(read_records(path))


@pytest.mark.parametrize("error", [PermissionError("Access Denied"), OSError(121, "Remote I/O error")])
def test_a_store_that_denies_or_fails_rejects_nothing(monkeypatch, error):
    """As s3fs says that credentials have run out, and that the store has an internal error."""

    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr("pipeline.corpus.readers.open_bytes", fails)
    with pytest.raises(InputError, match=r"s3://news/a\.jsonl: cannot be read now: "):
        list(read_records("s3://news/a.jsonl"))


def test_a_file_that_may_not_be_read_is_rejected(tmp_path, monkeypatch):
    def fails(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pipeline.corpus.readers.open_bytes", fails)
    (reject,) = read_records(tmp_path / "a.jsonl")
    assert "Permission denied" in reject.reason


def test_compressed_file_whose_name_is_no_text_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"a-\xff.jsonl.zst")
    path.write_bytes(zstandard.compress(b'{"id": "a", "text": "Apel digelar."}\n'))
    (article,) = read_records(path)
    assert article.id == "a"
