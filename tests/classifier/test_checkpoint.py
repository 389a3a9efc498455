"""A checkpoint is checked before use: whatever is wrong with it is refused by name."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classifier.checkpoint import Manifest, open_checkpoint, version_of
from pipeline.classifier.predict import Classifier
from pipeline.errors import InputError
from pipeline.files import sha256

NAMES = st.text("abc.", min_size=1, max_size=5)
CONTENTS = st.dictionaries(NAMES, st.integers() | st.text("xyz", max_size=5), min_size=1, max_size=5)


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    """A checkpoint to damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))


def change_manifest(folder: Path, **values: object) -> None:
    """Change the manifest as one who knows how versions are made."""
    content = json.loads((folder / "netral.json").read_text()) | values
    content["version"] = version_of(content)
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


@pytest.mark.parametrize("name", ["model.onnx", "model-int8.onnx", "tokenizer.json", "model.safetensors", "README.md"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError, match=f"checkpoint: is incomplete: {name} is missing; export the checkpoint again"):
        Classifier(copy)


@pytest.mark.parametrize("name", ["model.onnx", "model-int8.onnx", "tokenizer.json", "config.json"])
def test_a_single_changed_byte_is_found(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=f"checkpoint: is damaged: {name} has changed since export"):
        Classifier(copy)


def test_where_all_was_verified_before_only_what_is_used_is_verified(copy):
    (copy / "model.onnx").write_bytes(b"")
    assert open_checkpoint(copy, ["model-int8.onnx", "tokenizer.json"]) == Manifest.model_validate_json(
        (copy / "netral.json").read_bytes()
    )
    with pytest.raises(InputError, match=r"is damaged: model\.onnx"):
        open_checkpoint(copy, ["model.onnx"])


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
    change_manifest(copy, precision="fp32", files=files | {name: sha256(copy / name)})
    with pytest.raises(InputError, match="checkpoint: cannot be loaded: ") as refusal:
        Classifier(copy)
    assert "\n" not in str(refusal.value)


@given(CONTENTS)
@settings(deadline=None, max_examples=50)
def test_the_version_does_not_depend_on_the_order_of_keys(content):
    assert version_of(dict(reversed(content.items()))) == version_of(content)


@given(CONTENTS, st.data())
@settings(deadline=None, max_examples=50)
def test_another_value_makes_another_version(content, data):
    key = data.draw(st.sampled_from(sorted(content)))
    assert version_of(content | {key: "another"}) != version_of(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thresholds", {"appeal": 0.01, "prohibition": 0.01, "sanction": 0.01, "logistics": 0.01}),
        ("max_length", 47),
        ("segmentation", {"heading_words": 2, "few_words": 1}),
        ("metrics", {"macro_f1": 0.999}),
        ("precision_reason", "Because."),
        ("files", {}),
        ("version", "000000000000"),
    ],
)
def test_an_edited_manifest_is_refused(copy, key, value):
    content = json.loads((copy / "netral.json").read_text())
    (copy / "netral.json").write_text(json.dumps(content | {key: value}))
    with pytest.raises(InputError, match=r"netral.json: was edited after export .+; export the checkpoint again"):
        Classifier(copy)


def test_a_manifest_in_another_layout_is_the_same_manifest(copy):
    content = json.loads((copy / "netral.json").read_text())
    (copy / "netral.json").write_text(json.dumps(dict(reversed(content.items())), ensure_ascii=True))
    assert open_checkpoint(copy).version == content["version"]
