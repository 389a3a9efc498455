"""Stage ``train``: a fine-tuned model, its calibration and thresholds."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import typer

from pipeline import tracking
from pipeline.config import load_config
from pipeline.errors import user_errors
from pipeline.files import whole_folder, write_json, write_table
from pipeline.training.data import label_matrix, load_split
from pipeline.training.decision import choose
from pipeline.training.fine_tune import TrainConfig, fine_tune


def run(dataset: Path, config: Path, out: Path, resume: bool) -> None:
    """Fine-tune on ``dataset`` and write to ``out``: the model, ``decision.json``, ``training.json``, ``history.csv`` and ``run.json``."""
    settings = load_config(config, TrainConfig)
    summary = json.loads((dataset / "summary.json").read_text())
    labels: list[str] = summary["labels"]
    train, validation, test = (load_split(dataset, name) for name in ("train", "validation", "test"))
    revision = git_revision()
    with tracking.diary(name=settings.encoder, tags={"stage": "train", "git": revision}) as diary:
        made_with = summary["config"]
        counts = {"config": made_with["dataset"], **summary["splits"], **summary["test_parts"]}
        diary.parameters(
            {"train": settings.model_dump(), "segment": made_with["segment"], "dataset": counts, "git": revision}
        )
        diary.dataset(
            {"train": train.to_pandas(), "validation": validation.to_pandas(), "test": test.to_pandas()},
            summary["sha256"]["train"],
        )
        tuned = fine_tune(
            train,
            validation,
            labels,
            settings,
            work=out.with_name(out.name + ".checkpoints"),
            resume=resume,
            on_epoch=lambda row: diary.metrics(row, step=round(row["epoch"])),
            apart=test["text"],
        )
        decision = choose(tuned.validation_logits, label_matrix(validation, labels), settings.seed)
        with whole_folder(out) as folder:
            tuned.model.save_pretrained(folder)
            tuned.tokenizer.save_pretrained(folder)
            write_json(folder / "decision.json", asdict(decision))
            write_json(
                folder / "training.json",
                {"config": settings.model_dump(), "revision": tuned.revision, "dataset": summary["sha256"]},
            )
            write_table(folder / "history.csv", list(tuned.history[0]), [list(row.values()) for row in tuned.history])
            write_json(folder / "run.json", {"mlflow_run": diary.run_id})
    best = max(tuned.history, key=lambda row: row["validation_macro_f1"])
    print(f"best epoch {best['epoch']:.0f}: validation macro-F1 {best['validation_macro_f1']:.3f} at 0.5")


def git_revision() -> str:
    """Return the commit of the working tree, marked where it differs; ``unknown`` outside git."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


def main(
    dataset: Path = Path("data/dataset"),
    config: Path = Path("configs/train.yaml"),
    out: Path = Path("models/fine-tuned"),
    resume: bool = False,
) -> None:
    with user_errors():
        run(dataset, config, out, resume)


if __name__ == "__main__":
    typer.run(main)
