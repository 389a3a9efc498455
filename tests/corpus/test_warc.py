import gzip
from pathlib import Path

import pytest

from pipeline.corpus.input_files import Part
from pipeline.corpus.pages import LONGEST_PAGE
from pipeline.corpus.readers import Placed, Reject, read_part

PAGE = (
    b"<html><head><title>Apel pagi</title></head><body><article><p>Camat meminta pegawai menjaga netralitas selama pemilihan."
    b"</p><p>Surat suara tiba di gudang kabupaten pada hari Senin.</p></article></body></html>"
)


def record(kind: str, number: int, head: str, body: bytes) -> bytes:
    http = head.encode() + body
    return (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Target-URI: https://warta.example/{number}\r\nWARC-Date: 2020-01-01T00:00:00Z\r\n"
        f"Content-Type: {'application/http' if head else 'text/plain'}\r\nContent-Length: {len(http)}\r\n\r\n"
    ).encode() + (http + b"\r\n\r\n")


def response(number: int, body: bytes = PAGE, status: str = "200 OK", kind: str = "text/html", more: str = "") -> bytes:
    return record("response", number, f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n", body)


def read(folder: Path, content: bytes, name: str = "a.warc") -> list[Placed | Reject]:
    (folder / name).write_bytes(content)
    return list(read_part(Part(str(folder / name))))


def test_pages_become_articles_and_all_else_is_passed_over(tmp_path):
    archive = b"".join(
        [
            record("request", 1, "GET / HTTP/1.1\r\n\r\n", b""),
            response(2),
            response(3, status="404 Not Found"),
            response(4, b"\x89PNG", kind="image/png"),
            response(5),
        ]
    )
    found = read(tmp_path, archive)
    assert [(item.place, item.record.id, item.record.url) for item in found] == [
        (f"{tmp_path}/a.warc:2", "<urn:uuid:2>", "https://warta.example/2"),
        (f"{tmp_path}/a.warc:5", "<urn:uuid:5>", "https://warta.example/5"),
    ]
    assert all(item.extracted and item.record.title == "Apel pagi" for item in found)
    assert "menjaga netralitas" in found[0].record.text


def test_type_of_a_page_is_read_in_any_case(tmp_path):
    (placed,) = read(tmp_path, response(1, kind="Text/HTML; Charset=UTF-8"))
    assert isinstance(placed, Placed)


def test_plain_text_of_a_page_is_an_article(tmp_path):
    text = record("conversion", 1, "", b"Apel pagi\nCamat meminta pegawai netral.")
    (item,) = read(tmp_path, text)
    assert (item.record.title, item.record.text) == ("Apel pagi", "Camat meminta pegawai netral.")


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (gzip.compress(PAGE), "Content-Encoding: gzip\r\n"),
        (b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE), "Transfer-Encoding: chunked\r\n"),
    ],
)
def test_encoded_page_is_decoded(tmp_path, body, header):
    found = read(tmp_path, response(1, body, more=header) + response(2))
    assert [item.record.title for item in found] == ["Apel pagi", "Apel pagi"]
    assert found[0].record.text == found[1].record.text


def test_compressed_archive_is_read(tmp_path):
    members = gzip.compress(response(1)) + gzip.compress(response(2))
    assert len(read(tmp_path, members, "a.warc.gz")) == 2


@pytest.mark.parametrize("missing", [1, 3, 40, len(PAGE), len(PAGE) + 90])
def test_archive_that_is_cut_off_is_rejected_behind_what_is_whole(tmp_path, missing):
    first, *rest = read(tmp_path, response(1) + response(2)[:-missing])
    assert isinstance(first, Placed)
    assert isinstance(rest[-1], Reject)


def test_compressed_archive_that_is_cut_off_is_rejected(tmp_path):
    members = gzip.compress(response(1)) + gzip.compress(response(2))[:-20]
    assert isinstance(read(tmp_path, members, "a.warc.gz")[-1], Reject)


@pytest.mark.parametrize("garbage", [b"garbage\r\n" * 20, b"\0" * 500, b"\r\n" * 3 + b"XARC/9.9\r\n"])
def test_garbage_between_records_is_rejected_behind_what_is_whole(tmp_path, garbage):
    """What lies behind it cannot be told apart any more."""
    first, *rest = read(tmp_path, response(1) + garbage + response(2))
    assert isinstance(first, Placed)
    assert [reject.place for reject in rest if isinstance(reject, Reject)] == [f"{tmp_path}/a.warc"]


def test_bomb_in_an_archive_is_rejected_and_the_next_page_is_read(tmp_path):
    bomb = response(1, gzip.compress(b"\0" * 4 * LONGEST_PAGE), more="Content-Encoding: gzip\r\n")
    reject, item = read(tmp_path, bomb + response(2))
    assert reject == Reject(
        f"{tmp_path}/a.warc:1", f"is longer than {LONGEST_PAGE} bytes", f"a page of at most {LONGEST_PAGE} bytes"
    )
    assert item.record.id == "<urn:uuid:2>"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Content-Encoding: gzip\r\n", "is not encoded as 'gzip'"),
        ("Content-Encoding: x-own\r\n", "is encoded as 'x-own'"),
    ],
)
def test_page_in_another_encoding_than_it_says_is_rejected(tmp_path, header, reason):
    (reject,) = read(tmp_path, response(1, more=header))
    assert reject.reason.startswith(reason)


@pytest.mark.parametrize("content", [b"", b"no archive at all\n" * 9, b"\0" * 999])
def test_file_that_is_no_archive_is_rejected(tmp_path, content):
    (reject,) = read(tmp_path, content)
    assert reject.place == f"{tmp_path}/a.warc"
    assert reject.expected == "a whole, readable file"
