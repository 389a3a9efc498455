"""Wrong configs and missing inputs stop a stage with status 2 and one line, before any work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.stages import dataset, evaluate, export, segment, train


def written(folder: Path, values: dict) -> Path:
    path = folder / "config.yaml"
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def complaint(capsys):
    """Call a stage that is to refuse, and give its one line."""

    def call(stage, **arguments: Path) -> str:
        with pytest.raises(SystemExit) as stop:
            stage.main(**arguments)
        assert stop.value.code == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("netral:")]
        return line

    return call


def test_an_unknown_key_stops_the_train_command(workplace, tmp_path):
    settings = json.loads((workplace / "configs/train.yaml").read_text())
    config = written(tmp_path, settings | {"learning_rte": 0.001})
    command = [sys.executable, "-m", "pipeline.stages.train", "--dataset", str(workplace.dataset)]
    command += ["--config", str(config), "--out", str(tmp_path / "model")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"netral: {config}: unknown key 'learning_rte' (known: encoder, ")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", 1),
        ("learning_rate", "fast"),
        ("max_length", 513),
        ("max_length", 7),
        ("epochs", 0),
        ("batch_size", 2.5),
        ("warmup", 1),
        ("weight_decay", -0.1),
        ("max_gradient_norm", 0),
        ("patience", 0),
        ("seed", -1),
        ("encoder", ""),
    ],
)
def test_a_value_out_of_range_stops_training(workplace, tmp_path, complaint, key, value):
    settings = json.loads((workplace / "configs/train.yaml").read_text())
    config = written(tmp_path, settings | {key: value})
    line = complaint(train, dataset=workplace.dataset, config=config, out=tmp_path / "model")
    assert line.startswith(f"netral: {config}: '{key}': ")
    assert line.endswith(f"found {value!r}")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_key_that_is_not_given_is_named(workplace, tmp_path, complaint):
    settings = json.loads((workplace / "configs/train.yaml").read_text())
    del settings["epochs"]
    line = complaint(train, dataset=workplace.dataset, config=written(tmp_path, settings), out=tmp_path / "model")
    assert line.endswith("config.yaml: 'epochs' is missing")


@pytest.mark.parametrize("stage", [segment, dataset, train, evaluate, export])
def test_a_missing_config_is_named(tmp_path, complaint, stage):
    line = complaint(stage, config=tmp_path / "none.yaml")
    assert line == f"netral: {tmp_path / 'none.yaml'}: no such config file"


@pytest.mark.parametrize(
    ("stage", "missing"),
    [
        (segment, {"articles": "none"}),
        (dataset, {"sentences": "none"}),
        (dataset, {"annotations": "none"}),
        (train, {"dataset": "none"}),
        (evaluate, {"dataset": "none"}),
        (evaluate, {"model": "none"}),
        (export, {"model": "none"}),
        (export, {"metrics": "none/metrics.json"}),
    ],
)
def test_a_missing_input_is_named(workplace, tmp_path, complaint, monkeypatch, stage, missing):
    monkeypatch.chdir(workplace.folder)
    line = complaint(stage, out=tmp_path / "out", **{name: tmp_path / path for name, path in missing.items()})
    assert str(tmp_path / "none") in line
    assert not (tmp_path / "out").exists()
