"""Plain text to an encoder that ``AutoModel`` reads, also when the run was killed on the way."""

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
import torch
from conftest import ROOT
from made_corpus import ARTICLES, sentences
from ruamel.yaml import YAML
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.files import sha256
from pipeline.training.encoder import load_encoder
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.pretrain import pretrain
from pipeline.training.pretrain.state import Position, save_state
from pipeline.training.pretrain.text import TextSource
from pipeline.training.pretrain.tokens import BLOCK

SETTINGS = {
    "vocab_size": 300,
    "layers": 1,
    "hidden_size": 16,
    "heads": 2,
    "intermediate_size": 32,
    "max_length": 128,
    "batch_blocks": 4,
    "learning_rate": 0.003,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "mask_rate": 0.3,
    "final_mask_rate": 0.15,
    "summary_weight": 0.3,
    "embedding_epochs": 1,
    "embedding_scale": 0.05,
    "seed": 1,
}
MINUTES = 0.05  # 3 seconds, a state after each tenth
BUDGET = Budget(minutes=MINUTES)


@dataclass(frozen=True)
class Killed:
    """A run that was killed at ``step``, and a copy of its folder of work to try other things on."""

    text: Path
    out: Path
    step: int
    aside: Path

    @property
    def work(self) -> Path:
        return self.out.with_name(self.out.name + ".pretrain")


def go_on(text: Path, out: Path, resume: bool = True, budget: Budget | None = BUDGET, **changes: object) -> None:
    pretrain([TextSource(text)], out, PretrainConfig(**SETTINGS | changes), budget, resume)


def log_rows(path: Path) -> list[dict[str, float]]:
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Killed:
    """Pretrain on 400 paragraphs of the made-up corpus, two of them held out, until the first state is written."""
    folder = tmp_path_factory.mktemp("pretraining")
    generator = random.Random(0)
    pool = [text for number in range(ARTICLES) for text, _ in sentences(number)]
    text, out = folder / "text.txt", folder / "encoder"
    text.write_text("".join(" ".join(generator.sample(pool, 8)) + "\n" for _ in range(400)))
    (folder / "pretrain.yaml").write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-m", "pipeline.cli", "pretrain", str(text), "--out", str(out)]
    command += ["--config", str(folder / "pretrain.yaml"), "--minutes", str(MINUTES)]
    position = folder / "encoder.pretrain/position.json"
    with (folder / "said").open("w") as said, subprocess.Popen(command, stderr=said) as process:
        while not position.exists():
            assert process.poll() is None, (folder / "said").read_text()
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    step = json.loads(position.read_text())["step"]
    return Killed(text, out, step, Path(shutil.copytree(position.parent, folder / "aside")))


@pytest.fixture(scope="module")
def said(killed) -> str:
    """Resume the killed run to its end and give what it said."""
    with redirect_stderr(io.StringIO()) as stderr:
        go_on(killed.text, killed.out)
    return stderr.getvalue()


@pytest.fixture
def unfinished(killed, tmp_path) -> Path:
    """The output of an unfinished run: a folder that is not there yet."""
    shutil.copytree(killed.aside, tmp_path / "encoder.pretrain")
    return tmp_path / "encoder"


def test_a_killed_run_goes_on_at_its_last_state(killed, said):
    assert f"resuming at step {killed.step}," in said
    assert "training the tokenizer" not in said
    assert "co-occurrence" not in said


@pytest.mark.usefixtures("said")
def test_a_resumed_run_repeats_no_step_and_leaves_none_out(killed):
    rows = log_rows(killed.out / "pretraining.csv")
    steps = [row["step"] for row in rows]
    assert killed.step in steps[:-1]
    assert steps == sorted(set(steps))
    assert [row["tokens"] for row in rows] == [step * 4 * BLOCK for step in steps]


@pytest.mark.usefixtures("said")
def test_the_encoder_loads_without_any_code_of_ours(killed):
    tokenizer, model = AutoTokenizer.from_pretrained(killed.out), AutoModel.from_pretrained(killed.out)
    assert tokenizer.is_fast
    assert tokenizer.model_max_length == 128
    assert (model.config.hidden_size, model.config.num_hidden_layers, model.config.vocab_size) == (16, 1, 300)
    assert model.config.hidden_dropout_prob == 0.1
    encoded = tokenizer(["Bupati meminta pegawai netral.", "Pasar"], padding=True, return_tensors="pt")
    vectors = model.eval().float()(**encoded).pooler_output
    assert vectors.shape == (2, 16)
    assert (vectors[0] - vectors[1]).abs().max() > 0.01


@pytest.mark.usefixtures("said")
def test_a_finished_run_leaves_the_encoder_alone(killed):
    assert not killed.work.exists()
    assert {path.suffix for path in killed.out.iterdir()} <= {".json", ".safetensors", ".csv", ".txt"}
    stored = load_file(killed.out / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert {"bert.pooler.dense.weight", "cls.predictions.bias"} < set(stored)


@pytest.mark.usefixtures("said")
def test_fine_tuning_takes_the_encoder(killed):
    encoder = load_encoder(str(killed.out), None, ["appeal", "sanction"])
    assert encoder.model.dtype == torch.float32
    assert encoder.model(torch.tensor([[2, 10, 3]])).logits.shape == (1, 2)


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("resume", [True, False])
def test_a_finished_encoder_is_not_overwritten(killed, resume):
    with pytest.raises(InputError, match="encoder: already holds an encoder; move it away or choose another --out"):
        go_on(killed.text, killed.out, resume)


def test_an_unfinished_run_is_not_overwritten_unasked(killed, unfinished):
    with pytest.raises(
        InputError, match=r"encoder\.pretrain: holds an unfinished run; go on with --resume, or delete it"
    ):
        go_on(killed.text, unfinished, resume=False)
    assert (unfinished.with_name("encoder.pretrain") / "position.json").exists()


def test_a_run_is_not_gone_on_with_in_another_shape(killed, unfinished):
    with pytest.raises(
        InputError,
        match=r"encoder\.pretrain: was begun with other config; give what run\.json there says, or delete it",
    ):
        go_on(killed.text, unfinished, hidden_size=32)


def test_a_run_is_not_gone_on_with_on_other_text(unfinished, tmp_path):
    (tmp_path / "other.txt").write_text("Pasar dibuka pagi.\n")
    with pytest.raises(InputError, match="was begun with other text"):
        go_on(tmp_path / "other.txt", unfinished)


def test_a_run_is_not_gone_on_with_on_text_that_has_changed(killed, unfinished, tmp_path):
    text = tmp_path / "text.txt"
    run = unfinished.with_name("encoder.pretrain") / "run.json"
    run.write_text(run.read_text().replace(str(killed.text), str(text)))
    text.write_text(killed.text.read_text().replace("a", "o", 1))
    with pytest.raises(InputError, match="was begun with other text"):
        go_on(text, unfinished)


@pytest.mark.parametrize("budget", [Budget(minutes=2 * MINUTES), Budget(tokens=1000)])
def test_a_run_is_not_gone_on_with_for_another_length(killed, unfinished, budget):
    with pytest.raises(InputError, match="was begun with other budget"):
        go_on(killed.text, unfinished, budget=budget)


class Interruption(BaseException):
    """Stands for a kill."""


def test_a_killed_run_of_so_many_tokens_ends_with_the_bytes_of_one_that_was_not(killed, tmp_path, monkeypatch):
    """From the text on: tokenizer, vectors and weights."""
    budget, shrinking = Budget(tokens=30 * 4 * BLOCK), {"batch_ramp": 0.5}
    go_on(killed.text, tmp_path / "whole", False, budget, **shrinking)
    saved: list[int] = []

    def save_twice(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, position: Position) -> None:
        if len(saved) == 2:
            raise Interruption
        save_state(folder, model, optimizer, position)
        saved.append(position.step)

    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pipeline.training.pretrain.loop.save_state", save_twice)
        go_on(killed.text, tmp_path / "killed", False, budget, **shrinking)
    assert log_rows(tmp_path / "killed.pretrain/log.csv")[-1]["step"] > saved[-1]
    # The length need not be told again.
    go_on(killed.text, tmp_path / "killed", True, None, **shrinking)
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    rows = log_rows(tmp_path / "whole/pretraining.csv")
    again = log_rows(tmp_path / "killed/pretraining.csv")
    assert [(row["step"], row["held_out_perplexity"]) for row in again] == [
        (row["step"], row["held_out_perplexity"]) for row in rows
    ]
    assert 0 <= rows[-1]["tokens"] - 30 * 4 * BLOCK < 4 * BLOCK


def test_a_run_that_was_killed_before_it_wrote_the_encoder_has_nothing_left_to_train(killed, tmp_path, monkeypatch):
    def kill(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pipeline.training.pretrain.pretrain._write_encoder", kill)
        go_on(killed.text, tmp_path / "encoder", False, Budget(tokens=1000), embedding_epochs=0)
    before = json.loads((tmp_path / "encoder.pretrain/position.json").read_text())
    go_on(killed.text, tmp_path / "encoder", True, None, embedding_epochs=0)
    assert log_rows(tmp_path / "encoder/pretraining.csv")[-1]["step"] == before["step"]
    assert not (tmp_path / "encoder.pretrain").exists()


@pytest.mark.usefixtures("said")
def test_another_stretch_goes_on_behind_what_was_read(killed, tmp_path):
    """As ``configs/continue.yaml`` has it: the encoder, another schedule, the tokens that it has read."""
    shipped = YAML(typ="safe").load((ROOT / "configs/continue.yaml").read_text())
    read = int(log_rows(killed.out / "pretraining.csv")[-1]["tokens"])
    (tmp_path / "continue.yaml").write_text(json.dumps(shipped | {"tokens_read": read, "batch_blocks": 4}))
    command = ["pretrain", str(killed.text), "--from", str(killed.out), "--out", str(tmp_path / "encoder")]
    ended = CliRunner().invoke(app, [*command, "--config", str(tmp_path / "continue.yaml"), "--tokens", "9600"])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "encoder/tokenizer.json").read_bytes() == (killed.out / "tokenizer.json").read_bytes()
    before, after = (load_file(folder / "model.safetensors") for folder in (killed.out, tmp_path / "encoder"))
    assert {name: tensor.dtype for name, tensor in after.items()} == dict.fromkeys(before, torch.float16)
    moved = (after["bert.pooler.dense.weight"] - before["bert.pooler.dense.weight"]).abs().max()
    assert 0 < moved < 0.2
    assert log_rows(tmp_path / "encoder/pretraining.csv")[-1]["tokens"] == 9600
    assert AutoModel.from_pretrained(tmp_path / "encoder").config.hidden_dropout_prob == 0.1


@pytest.mark.usefixtures("said")
def test_others_may_read_the_encoder_if_the_umask_lets_them(killed):
    umask = os.umask(0)
    os.umask(umask)
    assert {file.stat().st_mode & 0o777 for file in killed.out.iterdir()} == {0o666 & ~umask}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--minutes", "1", "--tokens", "1000"], "give either minutes or tokens to train for"),
        (["--revision", "abc"], "--revision is of an encoder to go on with; name it with --from"),
        (["--out", "{text}"], "text.txt: is a file; name a folder for the encoder"),
        (["--from", "none"], "none: no such folder, and no name on the Hugging Face hub"),
        (["--config", "none.yaml"], "none.yaml: no such config file"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_any_work(killed, tmp_path, options, complaint):
    options = [option.format(text=killed.text) for option in options]
    with chdir(ROOT):
        ended = CliRunner().invoke(
            app, ["pretrain", str(killed.text), "--out", str(tmp_path / "encoder"), *options], catch_exceptions=False
        )
    assert ended.exit_code == 2
    assert complaint in ended.stderr
    assert not list(tmp_path.iterdir())


def test_too_little_text_is_refused_with_what_is_needed(tmp_path):
    (tmp_path / "text.txt").write_text("Pasar dibuka pagi.\n" * 30)
    with pytest.raises(InputError, match=r"the text gives \d blocks of 120 tokens; at least 4 are needed"):
        go_on(tmp_path / "text.txt", tmp_path / "encoder", resume=False)


def test_two_processes_train_one_encoder(killed, tmp_path):
    """Started as ``accelerate launch`` starts them; only the first one speaks and writes."""
    (tmp_path / "pretrain.yaml").write_text(json.dumps(SETTINGS | {"embedding_epochs": 0}))
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node=2",
        "--standalone",
        "-m",
        "pipeline.cli",
    ]
    command += ["pretrain", str(killed.text), "--out", str(tmp_path / "encoder"), "--minutes", "0.03"]
    command += ["--config", str(tmp_path / "pretrain.yaml")]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"ACCELERATE_USE_CPU": "1"}
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("encoding the text") == 1
    rows = log_rows(tmp_path / "encoder/pretraining.csv")
    assert len(rows) >= 2
    assert [row["tokens"] for row in rows] == [row["step"] * 4 * BLOCK for row in rows]
    assert AutoModel.from_pretrained(tmp_path / "encoder").config.hidden_size == 16
    assert not (tmp_path / "encoder.pretrain").exists()


def test_figures_are_logged_to_one_run_also_when_it_was_resumed(killed, tmp_path, monkeypatch):
    shutil.copytree(killed.aside, tmp_path / "encoder.pretrain")
    (tmp_path / "pretrain.yaml").write_text(json.dumps(SETTINGS))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    command = ["pretrain", str(killed.text), "--out", str(tmp_path / "encoder"), "--minutes", str(MINUTES), "--track"]
    ended = CliRunner().invoke(app, [*command, "--config", str(tmp_path / "pretrain.yaml"), "--resume"])
    assert ended.exit_code == 0, ended.output
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("netral").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["config.mask_rate"] == "0.3"
    assert run.data.params["text0.sha256"] == sha256(killed.text)
    rows = [row for row in log_rows(tmp_path / "encoder/pretraining.csv") if row["step"] > killed.step]
    logged = client.get_metric_history(run.info.run_id, "held_out_perplexity")
    assert [(metric.step, round(metric.value, 1)) for metric in logged] == [
        (row["step"], row["held_out_perplexity"]) for row in rows
    ]
    assert 0 < run.data.metrics["share_of_matrix_rate"] < 1


def test_an_odd_head_is_refused():
    with pytest.raises(ValueError, match="hidden_size must be a multiple of twice the heads"):
        PretrainConfig(**SETTINGS | {"hidden_size": 18})
