"""What several tests share: a tiny tokenizer and encoder, and one run of all stages over a made-up corpus."""

import json
import os
from contextlib import chdir
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

# Read by the libraries when they are imported: no test asks a hub or sends a report.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Threads cost a tiny model more than they give, the more so where several test processes share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from made_corpus import DOES, HELD_CELL, WHO, write_corpus

ROOT = Path(__file__).parents[1]

TRAIN = {
    "max_length": 48,
    "epochs": 7,
    "batch_size": 4,
    "learning_rate": 0.002,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "max_gradient_norm": 1.0,
    "hidden_pieces": 0.1,
    "patience": 7,
    "seed": 7,
}
CONFIGS = {
    "segment": {"heading_words": 14, "few_words": 4},
    "dataset": {
        "seed": 2,
        "validation": 0.25,
        "test": 0.25,
        "article_similarity": 0.5,
        "sentence_similarity": 0.8,
        "sentence_words": 5,
    },
    "train": TRAIN,
    "evaluate": {"batch_size": 16, "seed": 7, "listed_errors": 5},
    "export": {"compared_sentences": 20, "example_sentences": 50, "int8": {"f1_loss": 0.003, "agreement": 0.995}},
}


@dataclass(frozen=True)
class Workplace:
    """Where one run of the stages reads and writes; ``folder`` was its working directory."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def store(self) -> str:
        """The MLflow tracking URI."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def dataset(self) -> Path:
        return self.folder / "data/dataset"

    @property
    def model(self) -> Path:
        return self.folder / "models/fine-tuned"

    @property
    def exported(self) -> Path:
        return self.folder / "models/exported"


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A WordPiece tokenizer that knows the words of the made-up corpus, long ones in two pieces."""
    from transformers import BertTokenizer

    from pipeline.training.pretrain.wordpiece import SPECIAL_TOKENS

    # Not a trained one: those differ from run to run where pieces are equally frequent, and the tests with them.
    words = sorted({word for half in (*WHO, *chain(*DOES.values())) for word in half.lower().split()})
    letters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789.,:-"))
    parts = [part for word in words for part in ([word] if len(word) < 8 else [word[:5], f"##{word[5:]}"])]
    pieces = dict.fromkeys([*SPECIAL_TOKENS, *letters, *(f"##{letter}" for letter in letters), *parts])
    return BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, model_max_length=64)


@pytest.fixture(scope="session")
def tiny_encoder(tiny_tokenizer, tmp_path_factory) -> Path:
    """A folder with a BERT of random weights, as ``AutoModel`` reads it."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny") / "encoder"
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(tiny_tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.1,
    )
    BertModel(shape).save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def workplace(tiny_encoder, tmp_path_factory) -> Workplace:
    """The made-up corpus, configs, and everything that the five stages make of them."""
    from pipeline.stages import dataset, evaluate, export, segment, train

    place = Workplace(tmp_path_factory.mktemp("workplace"))
    write_corpus(place / "data")
    (place / "configs").mkdir()
    (place / "configs/labels.yaml").write_text((ROOT / "configs/labels.yaml").read_text())
    for name, values in CONFIGS.items():
        values = values | {"encoder": str(tiny_encoder)} if name == "train" else values
        values = (
            values | {"plan": str(place / "data/plan.csv"), "held_cells": [HELD_CELL]} if name == "dataset" else values
        )
        (place / f"configs/{name}.yaml").write_text(json.dumps(values))
    with pytest.MonkeyPatch.context() as patch, chdir(place.folder):
        patch.setenv("MLFLOW_TRACKING_URI", place.store)
        # The defaults are the paths of dvc.yaml, below the working directory.
        segment.main()
        dataset.main()
        train.main()
        evaluate.main()
        export.main()
    return place


@pytest.fixture(scope="session")
def checkpoint(workplace) -> Path:
    """An exported checkpoint."""
    return workplace.exported
