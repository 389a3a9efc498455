"""Plain text to an encoder that ``AutoModel`` reads, also when the run was killed on the way."""

import csv
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from made_corpus import ARTICLES, sentences
from transformers import AutoModel, AutoTokenizer

from pipeline.config import load_config
from pipeline.errors import InputError
from pipeline.training.encoder import load_encoder
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.pretrain import pretrain
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
    "mask_rate": 0.2,
    "summary_weight": 0.3,
    "embedding_epochs": 1,
    "embedding_scale": 0.05,
    "seed": 1,
}
MINUTES = 0.05  # 3 seconds, a state after each tenth


@dataclass(frozen=True)
class Place:
    """Where a run reads and writes."""

    folder: Path

    @property
    def text(self) -> Path:
        return self.folder / "text.txt"

    @property
    def out(self) -> Path:
        return self.folder / "encoder"

    @property
    def work(self) -> Path:
        return self.folder / "encoder.pretrain"

    def resume(self, **changes: object) -> None:
        config = PretrainConfig(**SETTINGS | changes)
        pretrain([TextSource(self.text)], self.out, config, MINUTES, resume=True)


def write_text(path: Path) -> None:
    """Write 400 paragraphs of sentences of the made-up corpus: two of them are held out."""
    generator = random.Random(0)
    pool = [text for number in range(ARTICLES) for text, _ in sentences(number)]
    path.write_text("".join(" ".join(generator.sample(pool, 8)) + "\n" for _ in range(400)))


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> tuple[Place, int]:
    """A run that was killed when its first state was written, and the step of that state."""
    place = Place(tmp_path_factory.mktemp("pretraining"))
    write_text(place.text)
    (place.folder / "pretrain.yaml").write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-m", "pipeline.cli", "pretrain", str(place.text), "--out", str(place.out)]
    command += ["--config", str(place.folder / "pretrain.yaml"), "--minutes", str(MINUTES)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not (place.work / "position.json").exists():
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not place.out.exists()
    return place, json.loads((place.work / "position.json").read_text())["step"]


@pytest.fixture
def unfinished(killed, tmp_path) -> Place:
    """A copy of the unfinished run."""
    place, _ = killed
    shutil.copytree(place.work, tmp_path / "encoder.pretrain")
    begun = json.loads((place.work / "run.json").read_text())
    begun["sources"] = [source.replace(str(place.folder), str(tmp_path)) for source in begun["sources"]]
    (tmp_path / "encoder.pretrain/run.json").write_text(json.dumps(begun))
    shutil.copy(place.text, tmp_path)
    return Place(tmp_path)


@dataclass(frozen=True)
class Finished:
    place: Place
    killed_at: int
    said: str


@pytest.fixture(scope="module")
def finished(killed, tmp_path_factory) -> Finished:
    """The run that was killed, resumed from its own folder."""
    place, step = killed
    aside = tmp_path_factory.mktemp("finished") / "run"
    place_again = Place(aside)
    shutil.copytree(place.folder, aside)
    begun = json.loads((aside / "encoder.pretrain/run.json").read_text())
    begun["sources"] = [source.replace(str(place.folder), str(aside)) for source in begun["sources"]]
    (aside / "encoder.pretrain/run.json").write_text(json.dumps(begun))
    with pytest.MonkeyPatch.context() as patch:
        import io

        said = io.StringIO()
        patch.setattr("sys.stderr", said)
        place_again.resume()
    return Finished(place_again, step, said.getvalue())
