"""A checkpoint is checked before use: whatever is wrong with it is refused by name."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classifier.checkpoint import open_checkpoint, version_of
from pipeline.classifier.predict import Classifier
from pipeline.errors import InputError
from pipeline.files import sha256

NAMES = st.text("abc.", min_size=1, max_size=5)
HASHES = st.dictionaries(NAMES, st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=5)


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    """A checkpoint to damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))


def change_manifest(folder: Path, **values: object) -> None:
    content = json.loads((folder / "netral.json").read_text()) | values
    (folder / "netral.json").write_text(json.dumps(content))


def test_a_whole_checkpoint_opens(checkpoint):
    manifest = open_checkpoint(checkpoint)
    assert manifest.names == ["appeal", "prohibition", "sanction", "logistics"]
    assert list(manifest.thresholds) == manifest.names


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_manifest_is_no_checkpoint(tmp_path, there):
    folder = tmp_path / "models"
    if there:
        folder.mkdir()
    with pytest.raises(InputError, match=r"models: holds no checkpoint \(no netral.json\); 'make repro' makes one"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "model.safetensors", "README.md"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError, match=f"checkpoint: is incomplete: {name} is missing; export the checkpoint again"):
        Classifier(copy)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_single_changed_byte_is_found(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=f"checkpoint: is damaged: {name} has changed since export"):
        Classifier(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"netral"'])
def test_a_manifest_that_is_no_json_object_is_refused(copy, content):
    (copy / "netral.json").write_bytes(content)
    with pytest.raises(InputError, match=r"netral.json: is damaged: .+; export the checkpoint again") as refusal:
        open_checkpoint(copy)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"max_length": 2}, "'max_length': input should be greater than or equal to 8, found 2"),
        ({"max_length": "long"}, "'max_length'"),
        ({"labels": []}, "'labels'"),
        ({"thresholds": {"appeal": 0.5}}, "thresholds and labels do not agree"),
        ({"colour": "blue"}, "unknown key 'colour'"),
    ],
)
def test_a_manifest_with_wrong_values_is_refused(copy, values, reason):
    change_manifest(copy, **values)
    with pytest.raises(InputError, match=f"netral.json: is damaged: .*{reason}"):
        open_checkpoint(copy)


def test_a_manifest_without_a_key_is_refused(copy):
    content = json.loads((copy / "netral.json").read_text())
    del content["thresholds"]
    (copy / "netral.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="'thresholds' is missing"):
        open_checkpoint(copy)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_that_was_exported_broken_cannot_be_loaded(copy, name):
    (copy / name).write_bytes(b"{}")
    files = json.loads((copy / "netral.json").read_text())["files"]
    change_manifest(copy, files=files | {name: sha256(copy / name)})
    with pytest.raises(InputError, match="checkpoint: cannot be loaded: ") as refusal:
        Classifier(copy)
    assert "\n" not in str(refusal.value)


@given(HASHES, st.randoms())
def test_the_version_does_not_depend_on_the_order_of_files(files, random):
    names = list(files)
    random.shuffle(names)
    assert version_of({name: files[name] for name in names}) == version_of(files)


@given(HASHES, st.data())
def test_another_file_makes_another_version(files, data):
    name = data.draw(st.sampled_from(sorted(files)))
    assert version_of(files | {name: "f" * 63 + ("0" if files[name].endswith("1") else "1")}) != version_of(files)
