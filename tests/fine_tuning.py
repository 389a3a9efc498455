"""Fine-tuning as tests start it."""

from pathlib import Path

from pipeline.training.fine_tune import FineTuned, TrainConfig, fine_tune

LABELS = ["appeal", "prohibition", "sanction", "logistics"]


def train(splits, settings: dict, work: Path, resume: bool = False, **changes: object) -> tuple[FineTuned, list[dict]]:
    """Fine-tune and return the result and the rows that were reported on the way."""
    rows: list[dict] = []
    config = TrainConfig(**settings | changes)
    return fine_tune(*splits, LABELS, config, work, resume=resume, on_epoch=rows.append), rows
