"""Checkpoints of fine-tuning: which one a killed run goes on from."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import datasets
import numpy as np
from transformers import TrainerState
from transformers.trainer_utils import get_last_checkpoint

from pipeline.files import sha256


def fingerprint(
    settings: object, splits: Sequence[datasets.Dataset], texts: Iterable[str], files: Iterable[Path]
) -> str:
    """Hash everything that a checkpoint depends on.

    Args:
        settings: as JSON can hold them.
        splits: rows with ``text`` and ``labels``.
    """
    digest = hashlib.sha256(json.dumps(settings).encode())
    for rows in splits:
        for text, given in zip(rows["text"], rows["labels"], strict=True):
            digest.update(f"{text}\0{given}\0".encode())
    digest.update("\0".join(texts).encode())
    for file in files:
        if file.is_file():
            digest.update(sha256(file).encode())
    return digest.hexdigest()


def checkpoint_in(work: Path, made_of: str, resume: bool) -> str | None:
    """Return the checkpoint in ``work`` to go on from, or ``None`` after clearing it; says which.

    Args:
        made_of: the :func:`fingerprint` that it must have.
    """
    mark = work / "fingerprint"
    if resume and mark.is_file():
        last = _last_whole(work)
        if mark.read_text() == made_of and last:
            print(f"resuming from {last}")
            return last
        print(
            f"not resuming: {work} holds {'no checkpoint yet' if not last else 'checkpoints of other data or another configuration'}"
        )
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    mark.write_text(made_of)
    return None


def _last_whole(work: Path) -> str | None:
    """Return the last whole checkpoint in ``work``; the trainer writes its state last, so one without it was cut off."""
    for folder in work.glob("checkpoint-*"):
        if not (folder / "trainer_state.json").is_file():
            shutil.rmtree(folder)
    last: str | None = get_last_checkpoint(str(work))
    return last


def epochs_in_all(checkpoint: str | None, epochs: int, patience: int) -> int:
    """Return how many of ``epochs`` to train: none beyond ``checkpoint`` where patience had run out before the kill."""
    if checkpoint:
        state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
        scores = [entry["eval_macro_f1"] for entry in state.log_history if "eval_macro_f1" in entry]
        if len(scores) - 1 - int(np.argmax(scores)) >= patience:
            return len(scores)
    return epochs
