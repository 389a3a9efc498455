"""Stage ``export``: the checkpoint that everything else uses, registered in MLflow."""

import json
from pathlib import Path

import pandas as pd
import typer
from pydantic import Field
from ruamel.yaml import YAML
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from pipeline import tracking
from pipeline.config import Config, load_config
from pipeline.corpus.labels import load_labels
from pipeline.corpus.segment import SegmentConfig
from pipeline.errors import user_errors
from pipeline.files import whole_folder
from pipeline.training.data import load_split
from pipeline.training.decision import Decision
from pipeline.training.export import assert_equal, export
from pipeline.training.model_card import checkpoint_card

PYTHON_MODEL = Path(__file__).parents[1] / "mlflow_model.py"


class ExportConfig(Config):
    """``configs/export.yaml``.

    Attributes:
        compared_sentences: validation sentences on which transformers' pipeline and the runtime must agree.
    """

    compared_sentences: int = Field(ge=1)


def run(dataset: Path, model: Path, metrics: Path, labels: Path, segment: Path, config: Path, out: Path) -> None:
    """Write the checkpoint of ``model`` to ``out`` and register it."""
    settings = load_config(config, ExportConfig)
    declared = load_labels(labels)
    decision = Decision(**json.loads((model / "decision.json").read_text()))
    training = json.loads((model / "training.json").read_text())
    measured = json.loads(metrics.read_text())
    texts = load_split(dataset, "validation")["text"][: settings.compared_sentences]

    with whole_folder(out) as folder:
        manifest = export(
            model=AutoModelForSequenceClassification.from_pretrained(model),
            tokenizer=AutoTokenizer.from_pretrained(model),
            decision=decision,
            labels=declared,
            max_length=training["config"]["max_length"],
            segmentation=load_config(segment, SegmentConfig),
            encoder=training["config"]["encoder"],
            revision=training["revision"],
            dataset=training["dataset"]["train"],
            metrics={name: value for name, value in measured["test"].items() if isinstance(value, float)},
            card=checkpoint_card(declared, training, measured),
            out=folder,
        )
        difference = assert_equal(folder, texts)
    with tracking.diary(
        run_id=json.loads((model / "run.json").read_text())["mlflow_run"],
        # Tags, since the parameters of a run cannot change, and this stage may run again in the same run.
        tags=tracking.flatten(
            {
                "stage": "export",
                "checkpoint": manifest.version,
                "export": settings.model_dump(),
                "dvc": dvc_versions(Path("dvc.lock")),
            }
        ),
    ) as diary:
        diary.metrics({"export": {"largest_difference": difference}})
        registered = diary.checkpoint(out, PYTHON_MODEL, pd.DataFrame({"text": texts[:3]}), declared.names)
    print(
        f"checkpoint {manifest.version}: transformers and the runtime agree within {difference:.1g} on {len(texts)} sentences"
    )
    if registered:
        print(f"registered as '{tracking.REGISTERED}', version {registered}")


def dvc_versions(lock: Path) -> dict[str, str]:
    """Return the hash that DVC knows each output of the earlier stages by; nothing outside a DVC repository."""
    if not lock.is_file():
        return {}
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8"))["stages"]
    return {
        out["path"]: out["md5"]
        for name, stage in stages.items()
        if name != "export"
        for out in stage["outs"]
        if "md5" in out
    }


def main(
    dataset: Path = Path("data/dataset"),
    model: Path = Path("models/fine-tuned"),
    metrics: Path = Path("reports/metrics.json"),
    labels: Path = Path("configs/labels.yaml"),
    segment: Path = Path("configs/segment.yaml"),
    config: Path = Path("configs/export.yaml"),
    out: Path = Path("models/exported"),
) -> None:
    with user_errors():
        run(dataset, model, metrics, labels, segment, config, out)


if __name__ == "__main__":
    typer.run(main)
