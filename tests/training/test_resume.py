"""A killed fine-tuning goes on from its last checkpoint and ends like one that never was; others start anew."""

import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fine_tuning import LABELS, train

from pipeline.training.fine_tune import TrainConfig, fine_tune

# Kills itself when it has measured epoch 3: the checkpoints of epochs 1 and 2 are written by then, that of 3 is not.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from pipeline.training.data import load_split
from pipeline.training.fine_tune import TrainConfig, fine_tune

dataset, config, work = map(Path, sys.argv[1:])
fine_tune(
    load_split(dataset, "train"),
    load_split(dataset, "validation"),
    ["appeal", "prohibition", "sanction", "logistics"],
    TrainConfig(**json.loads(config.read_text())),
    work,
    on_epoch=lambda row: os.kill(os.getpid(), signal.SIGKILL) if row["epoch"] == 3 else None,
)
"""


@dataclass(frozen=True)
class Killed:
    """What a killed run has left: ``work``, a copy of it to try other things on, and the name of its last whole checkpoint."""

    work: Path
    aside: Path
    last: str


@pytest.fixture(scope="module")
def killed(workplace, tmp_path_factory) -> Killed:
    folder = tmp_path_factory.mktemp("killed")
    arguments = [workplace.dataset, workplace / "configs/train.yaml", folder / "work"]
    ended = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    # As if it had been killed a moment later, while it was writing its third checkpoint.
    steps = sorted(int(path.name.split("-")[1]) for path in (folder / "work").glob("checkpoint-*"))
    cut_off = folder / f"work/checkpoint-{steps[-1] + steps[0]}"
    cut_off.mkdir()
    shutil.copy(folder / f"work/checkpoint-{steps[-1]}/model.safetensors", cut_off)
    return Killed(folder / "work", Path(shutil.copytree(folder / "work", folder / "aside")), f"checkpoint-{steps[-1]}")


def test_a_killed_run_goes_on_and_ends_like_one_that_was_not(killed, tuned, splits, settings, capsys):
    resumed, reported = train(splits, settings, killed.work, resume=True)
    assert f"resuming from {killed.work / killed.last}" in capsys.readouterr().out
    # One thread and saved random states: not even rounding differs.
    assert resumed.history == tuned.history
    assert np.array_equal(resumed.validation_logits, tuned.validation_logits)
    assert reported == tuned.history
    assert not killed.work.exists()


@pytest.mark.parametrize("change", [{"seed": 8}, {"batch_size": 16}, {"encoder": "another"}])
def test_checkpoints_of_another_configuration_are_not_gone_on_with(
    killed, splits, settings, tiny_encoder, tmp_path, capsys, change
):
    work = Path(shutil.copytree(killed.aside, tmp_path / "work"))
    if "encoder" in change:
        change = {"encoder": shutil.copytree(tiny_encoder, tmp_path / "another").as_posix()}
    _, reported = train(splits, settings, work, resume=True, epochs=1, **change)
    said = capsys.readouterr().out
    assert f"not resuming: {work} holds checkpoints of other data or another configuration" in said
    assert "resuming from" not in said
    assert [row["epoch"] for row in reported] == [1]


def test_checkpoints_of_other_data_are_not_gone_on_with(few, settings, tmp_path, capsys):
    interrupt_after(2, few, settings | {"epochs": 2}, tmp_path / "work")
    fewer = few[0].select(range(12)), few[1]
    train(fewer, settings, tmp_path / "work", resume=True, epochs=2)
    assert "holds checkpoints of other data" in capsys.readouterr().out


def test_an_encoder_that_was_retrained_in_place_is_another(few, settings, tiny_encoder, tmp_path, capsys):
    encoder = Path(shutil.copytree(tiny_encoder, tmp_path / "encoder"))
    quick = settings | {"encoder": str(encoder), "epochs": 2}
    interrupt_after(2, few, quick, tmp_path / "work")
    (encoder / "note.txt").write_text("trained once more")
    train(few, quick, tmp_path / "work", resume=True)
    assert "not resuming" in capsys.readouterr().out


def test_a_run_is_not_gone_on_with_unasked(killed, few, settings, tmp_path, capsys):
    work = Path(shutil.copytree(killed.aside, tmp_path / "work"))
    _, reported = train(few, settings, work, epochs=1)
    assert "resuming" not in capsys.readouterr().out
    assert [row["epoch"] for row in reported] == [1]


class Interruption(BaseException):
    """Stands for a kill: it ends a run between two epochs."""


def interrupt_after(epoch: int, splits, settings: dict, work: Path) -> None:
    """Train and stop where ``epoch`` has been measured, but not saved."""

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Interruption

    with pytest.raises(Interruption):
        fine_tune(*splits, LABELS, TrainConfig(**settings), work, on_epoch=stop)


def kill_behind_the_last_epoch(splits, settings: dict, work: Path, monkeypatch) -> None:
    """Train, and stop where all is trained and nothing has been returned."""

    def kill(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pipeline.training.fine_tune.logits_of", kill)
        train(splits, settings, work)


def test_patience_counts_on_across_a_resumption(few, settings, tmp_path):
    # So small a learning rate that nothing improves: of two epochs without a better one, the second is the last.
    slow = settings | {"learning_rate": 1e-9, "patience": 2}
    whole, _ = train(few, slow, tmp_path / "whole")
    assert [row["epoch"] for row in whole.history] == [1, 2, 3]
    interrupt_after(3, few, slow, tmp_path / "work")
    resumed, _ = train(few, slow, tmp_path / "work", resume=True)
    assert resumed.history == whole.history


def test_a_run_that_was_killed_behind_its_early_stop_trains_no_further(few, settings, tmp_path, monkeypatch):
    slow = settings | {"learning_rate": 1e-9, "patience": 2}

    kill_behind_the_last_epoch(few, slow, tmp_path / "work", monkeypatch)
    resumed, _ = train(few, slow, tmp_path / "work", resume=True)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]


def test_a_run_that_was_killed_behind_its_last_epoch_has_nothing_left_to_train(few, settings, tmp_path, monkeypatch):
    quick = settings | {"epochs": 2}
    whole, _ = train(few, quick, tmp_path / "whole")

    kill_behind_the_last_epoch(few, quick, tmp_path / "work", monkeypatch)
    resumed, _ = train(few, quick, tmp_path / "work", resume=True)
    assert resumed.history == whole.history
    assert np.array_equal(resumed.validation_logits, whole.validation_logits)
