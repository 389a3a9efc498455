import hashlib
import json
from pathlib import Path

import pytest

from pipeline.files import sha256, whole_file, whole_folder, write_json


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_file_appears_with_its_folders_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "deep" / "a.txt"
    with whole_file(path) as beside:
        beside.write_text("isi")
        assert not path.exists()
    assert contents(tmp_path) == {"new/deep/a.txt": "isi"}


def test_file_replaces_the_one_before(tmp_path):
    (tmp_path / "a.txt").write_text("lama")
    with whole_file(tmp_path / "a.txt") as beside:
        beside.write_text("baru")
        assert (tmp_path / "a.txt").read_text() == "lama"
    assert contents(tmp_path) == {"a.txt": "baru"}


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_file_that_fails_leaves_the_one_before_and_nothing_else(tmp_path, stop):
    (tmp_path / "a.txt").write_text("lama")
    with pytest.raises(stop), whole_file(tmp_path / "a.txt") as beside:
        beside.write_text("separuh")
        raise stop
    assert contents(tmp_path) == {"a.txt": "lama"}


def test_file_that_was_never_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert contents(tmp_path) == {}


def test_folder_appears_when_it_is_whole(tmp_path):
    out = tmp_path / "new" / "out"
    with whole_folder(out) as beside:
        (beside / "in").mkdir()
        (beside / "in" / "a.txt").write_text("isi")
        assert not out.exists()
    assert contents(tmp_path) == {"new/out/in/a.txt": "isi"}


def test_folder_replaces_the_one_before_with_all_that_it_held(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("lama")
    with whole_folder(out) as beside:
        (beside / "new.txt").write_text("baru")
    assert contents(tmp_path) == {"out/new.txt": "baru"}


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_folder_that_fails_leaves_the_one_before_and_nothing_else(tmp_path, stop):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("lama")
    with pytest.raises(stop), whole_folder(out) as beside:
        (beside / "new.txt").write_text("separuh")
        raise stop
    assert contents(tmp_path) == {"out/old.txt": "lama"}


def test_folder_starts_empty_after_a_killed_run(tmp_path):
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "half.txt").write_text("separuh")
    with whole_folder(tmp_path / "out") as beside:
        assert list(beside.iterdir()) == []
    assert contents(tmp_path) == {}


def test_json_keeps_order_and_letters(tmp_path):
    write_json(tmp_path / "a.json", {"b": "“netral”", "a": [1, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "“netral”" in text
    assert list(json.loads(text).items()) == [("b", "“netral”"), ("a", [1, None])]


def test_content_that_is_no_json_leaves_the_file_before(tmp_path):
    write_json(tmp_path / "a.json", [1])
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {1, 2})
    assert contents(tmp_path) == {"a.json": "[\n  1\n]\n"}


def test_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"netral" * 100_000)
    assert sha256(tmp_path / "a.bin") == hashlib.sha256(b"netral" * 100_000).hexdigest()
