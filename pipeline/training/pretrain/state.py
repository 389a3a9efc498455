"""Where pretraining is: saved whole or not at all, without pickle."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn


@dataclass
class Position:
    """How far pretraining has come.

    Attributes:
        step: optimiser steps done.
        blocks: token blocks read, over all epochs.
        seconds: time spent training, in seconds, over all runs.
    """

    step: int = 0
    blocks: int = 0
    seconds: float = 0.0


def save_state(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position) -> None:
    """Write model, optimiser and position beside the last state and put them in its place."""
    state = optimizer.state_dict()["state"]
    tensors = {f"{index}.{name}": value for index, slots in state.items() for name, value in slots.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("model", unique(model)), ("optimizer", tensors)):
        path = folder / f"{name}-{position.step}.safetensors"
        save_file(content, path)
        with path.open("rb") as written:
            os.fsync(written.fileno())
    beside = folder / "position.json.partial"
    with beside.open("w") as file:
        json.dump(asdict(position), file)
        file.flush()
        os.fsync(file.fileno())
    # The position names the tensors that belong to it, so this one rename makes the new state the valid one.
    beside.rename(folder / "position.json")
    for old in folder.glob("*.safetensors"):
        if not old.stem.endswith(f"-{position.step}"):
            old.unlink()


def load_state(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Position:
    """Read back what :func:`save_state` wrote, into ``model`` and ``optimizer``."""
    position = Position(**json.loads((folder / "position.json").read_text()))
    model.load_state_dict(load_file(folder / f"model-{position.step}.safetensors"), strict=False)
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / f"optimizer-{position.step}.safetensors").items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": slots, "param_groups": groups})
    return position


def unique(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's tensors, tied ones once: safetensors refuses shared memory."""
    tensors: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            tensors[name] = tensor.contiguous()
    return tensors
