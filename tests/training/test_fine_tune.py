"""Fine-tuning: the best epoch, the same every time, and a killed run ends like one that never was."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import InputError
from pipeline.training.data import label_matrix, load_split
from pipeline.training.encoder import load_encoder
from pipeline.training.fine_tune import FineTuned, TrainConfig, decide, fine_tune, loss_of
from pipeline.training.inference import logits_of
from pipeline.training.metrics import macro_f1

LABELS = ["appeal", "prohibition", "sanction", "logistics"]

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
def splits(workplace):
    return load_split(workplace.dataset, "train"), load_split(workplace.dataset, "validation")


@pytest.fixture(scope="module")
def few(splits):
    """A part of the splits, where nothing but the course of training matters."""
    return splits[0].select(range(16)), splits[1].select(range(16))


@pytest.fixture(scope="module")
def settings(workplace) -> dict:
    return json.loads((workplace / "configs/train.yaml").read_text())


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


def train(splits, settings: dict, work: Path, resume: bool = False, **changes: object) -> tuple[FineTuned, list[dict]]:
    """Fine-tune and return the result and the rows that were reported on the way."""
    rows: list[dict] = []
    config = TrainConfig(**settings | changes)
    return fine_tune(*splits, LABELS, config, work, resume=resume, on_epoch=rows.append), rows


@pytest.fixture(scope="module")
def tuned(splits, settings, tmp_path_factory) -> FineTuned:
    return train(splits, settings, tmp_path_factory.mktemp("tuned") / "work")[0]


def test_the_same_seed_gives_the_same_predictions(tuned, workplace, splits):
    with (workplace.model / "history.csv").open(newline="") as file:
        assert tuned.history == [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    stored = load_encoder(str(workplace.model), None, LABELS)
    logits = logits_of(stored.model, stored.tokenizer, list(splits[1]["text"]), 48, 16)
    # Weights that are read from a file lie otherwise in memory, and sums of them are rounded otherwise.
    assert tuned.validation_logits == pytest.approx(logits, abs=1e-5)


def test_another_seed_gives_other_predictions(tuned, splits, settings, tmp_path):
    other, _ = train(splits, settings, tmp_path / "work", seed=8, epochs=1)
    assert np.abs(other.validation_logits - tuned.validation_logits).max() > 1e-3


def test_validation_logits_are_those_of_the_rows_in_their_order(tuned, splits):
    for row, text in enumerate(splits[1]["text"]):
        alone = logits_of(tuned.model, tuned.tokenizer, [text], 48, 1)[0]
        assert alone == pytest.approx(tuned.validation_logits[row], abs=1e-5)


def test_the_best_epochs_model_is_returned_not_the_lasts(few, settings, tmp_path):
    # It learns never to give a label, and is measured on sentences that carry all: the first epoch is the best.
    unlearn = (
        few[0].map(lambda _: {"labels": []}, features=few[0].features),
        few[1].map(lambda _: {"labels": LABELS}, features=few[1].features),
    )
    tuned, _ = train(unlearn, settings, tmp_path / "work", learning_rate=0.0002, epochs=3)
    first, *_, last = (row["validation_macro_f1"] for row in tuned.history)
    assert first > last
    predicted = (tuned.validation_logits > 0).astype(np.int8)
    assert macro_f1(label_matrix(unlearn[1], LABELS), predicted) == pytest.approx(first)


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

    def kill(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pipeline.training.fine_tune.logits_of", kill)
        train(few, slow, tmp_path / "work")
    resumed, _ = train(few, slow, tmp_path / "work", resume=True)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]


def test_more_word_pieces_than_the_encoder_takes_are_refused(few, settings, tmp_path):
    with pytest.raises(InputError, match=r"takes at most 64 word pieces; lower max_length, 65$"):
        train(few, settings, tmp_path / "work", max_length=65)


def test_labels_that_exclude_each_other_are_learnt_as_choices(few, settings, tmp_path):
    """Two groups: the kind of the sentence, and whether it is long; each sentence has one label of either."""
    names = ["appeal", "other", "long", "short"]

    def choose(row: dict) -> dict:
        kind = "appeal" if "appeal" in row["labels"] else "other"
        return {"labels": [kind, "long" if len(row["text"].split()) > 9 else "short"]}

    splits = [rows.map(choose) for rows in few]
    config = TrainConfig(**settings | {"epochs": 12, "hidden_pieces": 0.0, "patience": 12})
    tuned = fine_tune(splits[0], splits[0], names, config, tmp_path / "work", choices=[2, 2])
    given = decide(tuned.validation_logits, [2, 2])
    assert (given[:, :2].sum(axis=1) == 1).all()
    assert (given[:, 2:].sum(axis=1) == 1).all()
    assert (given == label_matrix(splits[0], names)).mean() > 0.9
    assert tuned.model.config.problem_type is None


@pytest.mark.parametrize("sizes", [[3], [2, 3], [1, 4, 2]])
def test_the_loss_of_choices_is_the_mean_cross_entropy_of_their_groups(sizes):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, sum(sizes), generator=generator)
    chosen = [torch.randint(size, (6,), generator=generator) for size in sizes]
    targets = torch.cat(
        [torch.nn.functional.one_hot(one, size) for one, size in zip(chosen, sizes, strict=True)], dim=1
    )
    expected = [
        -torch.log_softmax(part, dim=1)[torch.arange(6), one].mean()
        for part, one in zip(logits.split(sizes, dim=1), chosen, strict=True)
    ]
    found = loss_of(logits, targets.float(), torch.zeros(6), None, sizes)
    assert found.item() == pytest.approx(sum(expected).item() / len(sizes), rel=1e-5)


def test_a_run_that_was_killed_behind_its_last_epoch_has_nothing_left_to_train(few, settings, tmp_path, monkeypatch):
    quick = settings | {"epochs": 2}
    whole, _ = train(few, quick, tmp_path / "whole")

    def kill(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pipeline.training.fine_tune.logits_of", kill)
        train(few, quick, tmp_path / "work")
    resumed, _ = train(few, quick, tmp_path / "work", resume=True)
    assert resumed.history == whole.history
    assert np.array_equal(resumed.validation_logits, whole.validation_logits)
