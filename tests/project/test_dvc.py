"""``dvc.yaml`` and the code say the same."""

from pathlib import Path

import pytest
from imports import ROOT, module_file, needed
from ruamel.yaml import YAML

from pipeline.config import load_config
from pipeline.corpus.labels import Labels
from pipeline.corpus.segment import SegmentConfig

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def code_of(stage: str) -> set[Path]:
    entry = {Path(f"pipeline/stages/{stage}.py")}
    # The export stage hands this file to MLflow, which runs it.
    entry |= {Path("pipeline/mlflow_model.py")} if stage == "export" else set()
    return set().union(*(needed(path) for path in entry))


def test_a_stage_has_one_name_everywhere():
    modules = {path.stem for path in (ROOT / "pipeline/stages").glob("*.py")} - {"__init__"}
    assert modules == set(STAGES)
    assert all((ROOT / f"configs/{name}.yaml").is_file() for name in STAGES)
    assert all(f"python -m pipeline.stages.{name}" in stage["cmd"] for name, stage in STAGES.items())


@pytest.mark.parametrize("name", STAGES)
def test_deps_cover_the_modules_that_a_stage_imports_and_no_others(name):
    code = {Path(dep) for dep in STAGES[name]["deps"] if dep.endswith(".py")}
    assert code == code_of(name)


@pytest.mark.parametrize("name", STAGES)
def test_params_cover_the_configs_that_a_stage_reads(name):
    source = (ROOT / f"pipeline/stages/{name}.py").read_text()
    names = (f"configs/{path.name}" for path in (ROOT / "configs").glob("*.yaml"))
    configs = {name for name in names if f'"{name}"' in source}
    assert {next(iter(param)) for param in STAGES[name]["params"]} == configs


def test_lazy_imports_are_seen():
    assert module_file("pipeline.apps.classify") in needed(Path("pipeline/cli.py"))


def test_every_shipped_config_is_valid():
    from pipeline.stages.dataset import DatasetConfig
    from pipeline.stages.evaluate import EvaluateConfig
    from pipeline.stages.export import ExportConfig
    from pipeline.training.fine_tune import TrainConfig
    from pipeline.training.pretrain.config import AdaptConfig, PretrainConfig

    models = {
        "labels": Labels,
        "segment": SegmentConfig,
        "dataset": DatasetConfig,
        "train": TrainConfig,
        "evaluate": EvaluateConfig,
        "export": ExportConfig,
        "pretrain": PretrainConfig,
        "pretrain-gpu": PretrainConfig,
        "adapt": AdaptConfig,
        "continue": AdaptConfig,
    }
    assert {path.stem for path in (ROOT / "configs").glob("*.yaml")} == set(models)
    for name, model in models.items():
        load_config(ROOT / f"configs/{name}.yaml", model)


def test_the_lock_is_current():
    """What is in git has not changed since the pipeline was last run; what DVC keeps may be absent here."""
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        tracked = set(repo.scm.gitpython.repo.git.ls_files().splitlines())
        status = repo.status()
    stale = {}
    for stage, changes in status.items():
        for change in changes:
            if "changed deps" in change if isinstance(change, dict) else False:
                paths = [
                    p for p in change["changed deps"] if p in tracked or any(t.startswith(f"{p}/") for t in tracked)
                ]
                if paths:
                    stale[stage] = paths
            elif change == "changed command":
                stale[stage] = ["cmd"]
    assert not stale, "run 'make repro' and commit dvc.lock"
