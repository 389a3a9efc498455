import gzip
from pathlib import Path

import pytest
import zstandard

from pipeline.apps.batch import storage
from pipeline.corpus.input_files import find_files, kind_of, open_bytes, open_raw
from pipeline.errors import InputError

LINE = b'{"id": "a", "text": "Apel digelar."}\n'


def paths(inputs: list[str]) -> list[Path]:
    return [Path(name) for name in find_files(inputs)]


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(LINE)
    return [folder / name for name in names]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", ".jsonl"),
        ("a.ndjson.gz", ".ndjson"),
        ("a.2020.CSV.ZST", ".csv"),
        ("a.parquet", ".parquet"),
        ("a.parquet.gz", ""),  # Parquet is read out of order
        ("a.gz", ""),
        ("a.tar.gz", ""),
        ("a.html.bak", ""),
        ("jsonl", ""),
    ],
)
def test_kind_is_the_suffix_without_compression(name, kind):
    assert kind_of(Path(name)) == kind


def test_folder_gives_its_readable_files_sorted_and_from_below(tmp_path):
    b, a, deep = touch(tmp_path, "b.jsonl", "a.csv.gz", "in/deep/c.html")
    touch(tmp_path, "README.md", "in/notes.docx")
    assert paths([str(tmp_path)]) == [a, b, deep]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("?.jsonl", ["a.jsonl", "b.jsonl"]),
        ("[b-z].jsonl", ["b.jsonl"]),
        ("**/*.txt", ["in/deep/c.txt"]),
        ("*", ["a.jsonl", "b.jsonl"]),  # files that cannot be read are passed over
    ],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_glob_is_expanded(tmp_path, monkeypatch, pattern, found, absolute):
    touch(tmp_path, "a.jsonl", "b.jsonl", "in/deep/c.txt", "README.md")
    monkeypatch.chdir(tmp_path)
    base = tmp_path if absolute else Path()
    assert paths([str(base / pattern)]) == [base / name for name in found]


def test_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    touch(tmp_path, "[a].txt", "a.txt")
    assert paths([str(tmp_path / "[a].txt")]) == [tmp_path / "[a].txt"]


def test_order_of_inputs_is_kept_and_each_file_comes_once(tmp_path):
    a, b = touch(tmp_path, "a.jsonl", "b.jsonl")
    assert paths([str(b), str(tmp_path), str(a)]) == [b, a]


def test_missing_path_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl: no such file or folder$"):
        find_files([str(tmp_path / "nothing.jsonl")])


def test_unknown_kind_of_file_is_an_input_error(tmp_path):
    (path,) = touch(tmp_path, "news.docx")
    with pytest.raises(
        InputError, match=r"news\.docx: unknown kind of file; expected one of \.jsonl, .*\.gz or \.zst$"
    ):
        find_files([str(path)])


@pytest.mark.parametrize("name", ["", "*.txt", "**/*.jsonl", "[ab].jsonl"])
def test_folder_or_glob_without_readable_files_is_an_input_error(tmp_path, name):
    touch(tmp_path, "README.md")
    with pytest.raises(InputError, match=r"holds no file that can be read; expected \.jsonl, "):
        find_files([str(tmp_path / name)])


def test_one_wrong_input_stops_all(tmp_path):
    (path,) = touch(tmp_path, "a.jsonl")
    with pytest.raises(InputError, match="no such file"):
        find_files([str(path), str(tmp_path / "b.jsonl")])


def test_gzip_members_are_read_one_after_another(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINE) + gzip.compress(LINE))
    with open_bytes(path) as file:
        assert file.read() == LINE * 2


def test_zstandard_frames_are_read_one_after_another(tmp_path):
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.compress(LINE) + zstandard.compress(LINE))
    with open_bytes(path) as file:
        assert list(file) == [LINE, LINE]


def test_name_that_is_too_long_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"a\.jsonl: cannot be opened: File name too long$"):
        find_files([str(tmp_path / ("a" * 300 + ".jsonl"))])


@pytest.fixture
def unreachable(monkeypatch):
    """A URL in a store at whose address nobody answers."""
    s3fs = pytest.importorskip("s3fs")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    yield "s3://news/a.jsonl"
    s3fs.S3FileSystem.clear_instance_cache()


def test_store_that_does_not_answer_is_one_line(unreachable, tmp_path):
    (tmp_path / "made").write_bytes(LINE)
    for reach in (
        lambda: find_files([unreachable]),
        lambda: find_files(["s3://news/*.jsonl"]),
        lambda: open_raw(unreachable),
        lambda: storage.sizes("s3://news/out"),
        lambda: storage.read_bytes(unreachable),
        lambda: storage.publish(tmp_path / "made", unreachable),
        lambda: storage.remove("s3://news", ["a.jsonl"]),
    ):
        with pytest.raises(InputError, match=r"^s3://news.*: cannot be opened: Could not connect .*check its address"):
            reach()


def test_store_that_fails_in_mid_file_is_one_line(monkeypatch):
    import fsspec
    from fsspec.implementations.memory import MemoryFile

    def fails(*_: object) -> int:
        raise RuntimeError("the connection\nbroke")

    with fsspec.open("memory://news/a.jsonl", "wb") as file:
        file.write(LINE)
    with open_bytes("memory://news/a.jsonl") as file:
        assert list(file) == [LINE]
    monkeypatch.setattr(MemoryFile, "readinto", fails)
    with (
        open_bytes("memory://news/a.jsonl") as file,
        pytest.raises(InputError, match=r"^memory://news/a\.jsonl: cannot be opened: the connection broke; "),
    ):
        file.read()
