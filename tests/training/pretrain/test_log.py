"""The learning curve: one header, no row twice, however often a run was killed."""

import csv
from pathlib import Path

import pytest

from pipeline.training.pretrain.log import HeldOut, Log
from pipeline.training.pretrain.state import Position
from pipeline.training.pretrain.tokens import BLOCK


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def begin(path: Path, steps: list[int]) -> None:
    log = Log(path, 0)
    for step in steps:
        log.write(Position(step, 4 * step, 60.0 * step), 5.0, 6.0, HeldOut(100.0, 0.25, 6.5))


def test_a_row_tells_time_tokens_and_losses(tmp_path):
    begin(tmp_path / "log.csv", [2])
    assert rows(tmp_path / "log.csv") == [
        {
            "step": "2",
            "minutes": "2.0",
            "tokens": str(8 * BLOCK),
            "tokens_per_second": str(8 * BLOCK // 120),
            "masked_loss": "5.000",
            "summary_loss": "6.000",
            "held_out_perplexity": "100.0",
            "held_out_accuracy": "0.2500",
            "held_out_word_loss": "6.500",
        }
    ]


def test_a_resumed_log_drops_the_rows_of_steps_that_were_lost(tmp_path):
    begin(tmp_path / "log.csv", [10, 20, 30])
    Log(tmp_path / "log.csv", 20).write(Position(25, 100, 1500.0), 4.0, 5.0, HeldOut(90.0, 0.3, 6.25))
    assert [row["step"] for row in rows(tmp_path / "log.csv")] == ["10", "20", "25"]


def test_a_run_that_was_killed_before_its_first_state_begins_its_log_anew(tmp_path):
    begin(tmp_path / "log.csv", [10])
    begin(tmp_path / "log.csv", [12])
    assert [row["step"] for row in rows(tmp_path / "log.csv")] == ["12"]


@pytest.mark.parametrize("torn", ["3", "30,1.5,1", "\n"])
def test_a_row_that_was_cut_off_is_dropped(tmp_path, torn):
    begin(tmp_path / "log.csv", [10, 20])
    with (tmp_path / "log.csv").open("a") as file:
        file.write(torn)
    Log(tmp_path / "log.csv", 40).write(Position(50, 200, 3000.0), 4.0, 5.0, HeldOut(90.0, 0.3, 6.25))
    assert [row["step"] for row in rows(tmp_path / "log.csv")] == ["10", "20", "50"]
