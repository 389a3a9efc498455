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
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import Decision
from pipeline.training.export import assert_equal, export
from pipeline.training.model_card import CorpusFacts
from pipeline.training.parity import Bounds

PYTHON_MODEL = Path(__file__).parents[1] / "mlflow_model.py"


class ExportConfig(Config):
    """``configs/export.yaml``.

    Attributes:
        compared_sentences: validation sentences on which transformers' pipeline and the runtime must agree.
        example_sentences: training sentences, evenly spread, that int8 is fitted to.
        int8: what int8 may cost to be the default precision.
        card: what the model card says of the corpus.
    """

    compared_sentences: int = Field(ge=1)
    example_sentences: int = Field(ge=1)
    int8: Bounds
    card: CorpusFacts = CorpusFacts()


def run(dataset: Path, model: Path, metrics: Path, labels: Path, segment: Path, config: Path, out: Path) -> None:
    """Write the checkpoint of ``model`` to ``out`` and register it."""
    settings = load_config(config, ExportConfig)
    declared = load_labels(labels)
    segmentation = load_config(segment, SegmentConfig)
    decision = Decision(**json.loads((model / "decision.json").read_text()))
    training = json.loads((model / "training.json").read_text())
    measured = json.loads(metrics.read_text())
    validation = load_split(dataset, "validation")
    texts = list(validation["text"])
    compared = texts[: settings.compared_sentences]
    known = list(load_split(dataset, "train")["text"])
    examples = known[:: max(len(known) // settings.example_sentences, 1)]
    network = AutoModelForSequenceClassification.from_pretrained(model)
    # "[SEP]" in a sentence is what somebody wrote, no end of the sentence; saved with the tokenizer.
    tokenizer = AutoTokenizer.from_pretrained(model, split_special_tokens=True)

    # Tags, since the parameters of a run cannot change, and this stage may run again in the same run.
    tags = {"stage": "export", "export": settings.model_dump(), "dvc": dvc_versions(Path("dvc.lock"))}
    with tracking.diary(
        run_id=json.loads((model / "run.json").read_text())["mlflow_run"], tags=tracking.flatten(tags)
    ) as diary:
        with whole_folder(out) as folder:
            manifest = export(
                model=network,
                tokenizer=tokenizer,
                decision=decision,
                labels=declared,
                segmentation=segmentation,
                training=training,
                metrics=measured,
                facts=settings.card,
                examples=examples,
                texts=texts,
                truth=label_matrix(validation, declared.names),
                bounds=settings.int8,
                out=folder,
            )
            difference = assert_equal(folder, compared)
        parity = manifest.parity.model_dump(mode="json")
        diary.metrics({"export": {"largest_difference": difference, "int8": parity}})
        diary.tags({"checkpoint": manifest.version, "precision": manifest.precision})
        registered = diary.checkpoint(out, PYTHON_MODEL, pd.DataFrame({"text": texts[:3]}), declared.names)
    print(
        f"checkpoint {manifest.version}: transformers and the runtime agree within {difference:.1g} on {len(compared)} sentences"
    )
    print(f"{manifest.precision} by default: {manifest.precision_reason}")
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
