"""The record of a job, ``run.json``: everything needed to repeat it, and its cost."""

from __future__ import annotations

import json
import platform
import resource
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import torch

from bertfit.core import files, installed_packages
from bertfit.energy.energy_use import Energy
from bertfit.runtime import hardware
from bertfit.runtime.rule_job import JobIdentity
from bertfit.training import distributed

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "peft",
    "scikit-learn",
    "numpy",
    "pyarrow",
    "snakemake",
)


def versions(device: torch.device) -> dict[str, str]:
    """Versions of bertfit, of Python and of `PACKAGES`; on CUDA also of its libraries and of the driver."""
    found = installed_packages.versions(*PACKAGES)
    if device.type == "cuda":
        of_cuda = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "driver": hardware.driver()}
        found |= {name: str(version) for name, version in of_cuda.items() if version is not None}
    return found


def record(
    job: JobIdentity,
    *,
    inputs: Mapping[str, Path],
    device: torch.device,
    cost: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of ``run.json``: fields of ``job``, versions, machine, digests of ``inputs``, ``cost``.

    ``step`` of ``cost``, how a training's steps were computed on a GPU, becomes part of the machine: bits depend on it.

    ``peak_memory_bytes`` is the peak resident memory of this process, and on CUDA also that of the device.
    """
    took = dict(cost or {})
    step = {"step": took.pop("step")} if "step" in took else {}
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)}
    if device.type == "cuda":
        peak["device"] = torch.cuda.max_memory_allocated(device)
    return {
        **vars(job),
        "inputs": {name: {"path": str(path), "sha256": files.sha256(path)} for name, path in inputs.items()},
        "versions": versions(device),
        "machine": {
            "system": platform.platform(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else hardware.processor(),
            "processes": distributed.size(),
            **step,
        },
        "cost": {**took, "peak_memory_bytes": peak},
    }


def block_cost(seeds: Mapping[int, Mapping[str, Any]], threads: int) -> dict[str, Any]:
    """Cost of all seeds of a block together, and of each, as `loop.run` returns it."""
    costs = list(seeds.values())
    tokens, seconds = (sum(cost[name] for cost in costs) for name in ("tokens", "seconds"))
    step = {"step": costs[0]["step"]} if "step" in costs[0] else {}  # the same in all
    return {
        **step,
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "energy": reduce(Energy.plus, (Energy(**cost["energy"]) for cost in costs)).model_dump(),
        "threads": threads,
        "seeds": {str(seed): cost for seed, cost in seeds.items()},
    }


def text(record: Mapping[str, Any]) -> str:
    """Readable JSON."""
    return json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"
