"""Checkpoints of a training, to resume from: weights, moments, step and what the task recorded."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bertfit.core import files
from bertfit.training import distributed
from bertfit.training.task import B, Task

log = logging.getLogger(__name__)


def load(path: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and JSON of a checkpoint; None if the file is missing, unreadable or has another ``key``."""
    try:
        with safe_open(path, "pt") as file:
            meta = json.loads(file.metadata()["meta"])
            if meta["key"] == key:
                return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
            log.info("%s: checkpoint is of other inputs; restarting", path)
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        log.warning("%s cannot be read (%s); restarting", path, error)
    return None


def save(path: Path, key: str, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write a checkpoint atomically: safetensors with the JSON in its header."""
    with files.atomic(path, stamp=False) as temporary:  # not a result, so no digest is kept
        copies = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(copies, temporary, {"meta": json.dumps(meta | {"key": key})})


def save_task(task: Task[B], path: Path, key: str, step: int, cost: dict[str, Any]) -> None:
    """Write the state of a task after ``step`` updates. Rank 0 writes; all ranks return when it is done."""
    if distributed.rank() == 0:
        weights = {f"w/{name}": parameter for name, parameter in task.model.named_parameters()}
        recorded = {f"t/{name}": tensor for name, tensor in task.tensors.items()}
        meta = {"step": step, "memory": task.memory, "cost": cost}
        save(path, key, weights | task.optimizer.moments() | recorded, meta)
    distributed.wait()  # a rank that ends before the file is complete would end the others


def resume_task(task: Task[B], path: Path, key: str) -> tuple[int, dict[str, Any]]:
    """Restore a checkpoint into the task; returns its step and cost, zeros if there is none."""
    checkpoint = load(path, key)
    if checkpoint is None:
        return 0, {"steps": task.steps, "tokens": 0, "seconds": 0.0}
    tensors, meta = checkpoint
    with torch.no_grad():
        for name, parameter in task.model.named_parameters():
            parameter.copy_(tensors[f"w/{name}"])
    task.optimizer.restore(tensors, meta["step"])
    task.memory.clear()
    task.memory.update(meta["memory"])
    for name in list(tensors):
        if name.startswith("t/"):
            task.tensors[name[2:]] = tensors[name].to(next(task.model.parameters()).device)
    log.info("%s: resuming from step %d of %d", task.name, meta["step"], task.steps)
    return meta["step"], meta["cost"]
