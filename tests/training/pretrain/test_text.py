"""Plain text in, paragraphs out, whatever it is packed in."""

import lzma
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.training.pretrain.text import TextSource, paragraphs

TEXT = "Pasar dibuka pagi.\n\n  Hujan turun di hulu. \r\nPerahu menepi – semua selamat.\n\n"
LINES = ["Pasar dibuka pagi.", "Hujan turun di hulu.", "Perahu menepi – semua selamat."]


def packed(folder: Path, suffix: str, content: bytes) -> Path:
    path = folder / f"text{suffix}"
    if suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(content)
    else:
        path.write_bytes(lzma.compress(content) if suffix == ".xz" else content)
    return path


@pytest.mark.parametrize("suffix", [".txt", ".xz", ".zst"])
def test_a_paragraph_is_a_line_that_is_not_empty(tmp_path, suffix):
    assert list(paragraphs(TextSource(packed(tmp_path, suffix, TEXT.encode())))) == LINES


@given(lines=st.integers(0, 60), share=st.floats(0.01, 1))
def test_a_share_is_taken_evenly(tmp_path_factory, lines, share):
    path = tmp_path_factory.mktemp("share") / "text.txt"
    path.write_text("".join(f"{number}\n" for number in range(lines)))
    taken = [int(line) for line in paragraphs(TextSource(path, share))]
    for end in range(lines + 1):
        assert abs(sum(number < end for number in taken) - share * end) < 1 + 1e-6


def test_a_share_of_one_half_is_every_second_paragraph(tmp_path):
    path = packed(tmp_path, ".txt", b"a\nb\nc\nd\ne\n")
    assert list(paragraphs(TextSource(path, 0.5))) == ["b", "d"]


@pytest.mark.parametrize(("suffix", "share"), [("", 1.0), ("@0.5", 0.5), ("@1", 1.0)])
def test_a_source_is_a_path_and_perhaps_a_share(tmp_path, suffix, share):
    path = packed(tmp_path, ".txt", b"")
    assert TextSource.parse(f"{path}{suffix}") == TextSource(path, share)


def test_a_path_may_have_an_at_sign_of_its_own(tmp_path):
    path = tmp_path / "news@home.txt"
    path.touch()
    assert TextSource.parse(str(path)) == TextSource(path)
    assert TextSource.parse(f"{path}@0.25") == TextSource(path, 0.25)


@pytest.mark.parametrize("share", ["0", "-1", "1.5", "nan"])
def test_a_share_out_of_range_is_refused(tmp_path, share):
    path = packed(tmp_path, ".txt", b"")
    with pytest.raises(InputError, match=rf"text.txt@{share}: the share after '@' must lie in \(0, 1\]"):
        TextSource.parse(f"{path}@{share}")


@pytest.mark.parametrize("name", ["none.txt", "none.txt@0.5"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match=r"none\.txt: no such text file"):
        TextSource.parse(str(tmp_path / name))


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (".xz", "cut off"),
        (".xz", "changed"),
        (".xz", "replaced"),
        (".zst", "cut off"),
        (".zst", "replaced"),  # a change within is found only where the file brings a checksum
    ],
)
def test_a_damaged_archive_is_refused_in_one_line(tmp_path, suffix, damage):
    path = packed(tmp_path, suffix, "\n".join(f"{number * 7919 % 104729}" for number in range(20_000)).encode())
    data = path.read_bytes()
    half = len(data) // 2
    changed = data[:half] + bytes([data[half] ^ 0xFF]) + data[half + 1 :]
    path.write_bytes({"cut off": data[:half], "changed": changed, "replaced": b"plain text"}[damage])
    with pytest.raises(InputError, match=rf"text{suffix}: is not readable as UTF-8 text: ") as refusal:
        list(paragraphs(TextSource(path)))
    assert "\n" not in str(refusal.value)


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    path = packed(tmp_path, ".txt", "é".encode("latin-1"))
    with pytest.raises(InputError, match="is not readable as UTF-8 text"):
        list(paragraphs(TextSource(path)))


@pytest.mark.parametrize("name", ["news.jsonl", "news.csv.gz", "news.parquet", "page.html"])
def test_articles_are_not_read_as_plain_text(tmp_path, name):
    (tmp_path / name).write_text('{"id": "a", "text": "Pasar dibuka pagi."}\n')
    with pytest.raises(InputError, match=rf"{name}: is no plain text; expected a paragraph a line"):
        list(paragraphs(TextSource.parse(str(tmp_path / name))))
