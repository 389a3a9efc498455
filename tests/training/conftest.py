"""What tests of fine-tuning share."""

import json

import pytest
from fine_tuning import train

from pipeline.training.data import load_split
from pipeline.training.fine_tune import FineTuned


@pytest.fixture(scope="session")
def splits(workplace):
    return load_split(workplace.dataset, "train"), load_split(workplace.dataset, "validation")


@pytest.fixture(scope="session")
def few(splits):
    """A part of the splits, where nothing but the course of training matters."""
    return splits[0].select(range(16)), splits[1].select(range(16))


@pytest.fixture(scope="session")
def settings(workplace) -> dict:
    return json.loads((workplace / "configs/train.yaml").read_text())


@pytest.fixture(scope="session")
def tuned(splits, settings, tmp_path_factory) -> FineTuned:
    return train(splits, settings, tmp_path_factory.mktemp("tuned") / "work")[0]
