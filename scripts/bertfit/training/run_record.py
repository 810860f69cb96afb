"""The record of a job, ``run.json``: everything needed to repeat it, and its cost."""

from __future__ import annotations

import json
import platform
import resource
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bertfit.core import files
from bertfit.runtime import hardware
from bertfit.runtime.rule_job import JobIdentity
from bertfit.training import distributed

if TYPE_CHECKING:
    from bertfit.training.train_step import StepOptions

PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pyarrow")


def record(
    job: JobIdentity,
    *,
    inputs: Mapping[str, Path],
    device: torch.device,
    cost: Mapping[str, Any] | None = None,
    options: StepOptions | None = None,
) -> dict[str, Any]:
    """The content of ``run.json``: fields of ``job``, versions, machine, digests of ``inputs``, ``cost``.

    On CUDA ``options`` of the training are part of the machine, as bits depend on them.

    ``peak_memory_bytes`` is the peak resident memory of this process, and on CUDA also that of the device.
    """
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)}
    if device.type == "cuda":
        peak["device"] = torch.cuda.max_memory_allocated(device)
    steps = {"step": vars(options)} if options and device.type == "cuda" else {}
    return {
        **vars(job),
        "inputs": {name: {"path": str(path), "sha256": files.sha256(path)} for name, path in inputs.items()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {
            "system": platform.platform(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else hardware.processor(),
            "processes": distributed.size(),
            **steps,
        },
        "cost": {**(cost or {}), "peak_memory_bytes": peak},
    }


def text(record: Mapping[str, Any]) -> str:
    """Readable JSON."""
    return json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"
