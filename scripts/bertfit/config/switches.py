"""The keys of Snakemake's ``--config`` that the workflow knows, and their values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bertfit.config import own_data
from bertfit.core.errors import UserError, nearest

SWITCHES = {
    "study": "name of the study, a file of studies/ (default: the one that config.yaml names)",
    "data": "folder of local corpora, whose files come before the hub (default: the variable BERTFIT_DATA, else the "
    "study's); for your own dataset: its file",
    "corpora": "only these corpora, joined by +; the cells of other corpora say that they were left out",
    "artefacts": "only these tables and figures, joined by +; report and verdicts cover only these",
    "sample": "rows kept of each split, by class, seeded, with a separate results folder; none: all rows",
    "seeds": "number of seeds of every run (a job trains a block of them: another number can regroup the blocks)",
    "gpus": "GPUs that a training job asks for (default: as its encoder declares, if this machine has as many)",
    "gpu_model": "model of GPU that a training job asks a cluster for",
    "jobs_per_gpu": "training jobs that share a GPU of this machine (default: 1)",
    "throughput": "TFLOP/s (10**12 operations a second) that the plan counts with (default: measured)",
    "step_ms": "milliseconds of a step beside its operations that the plan counts with, given with throughput "
    "(default: measured)",
    **own_data.SWITCHES,
}


@dataclass(frozen=True)
class Switches:
    """Values of `SWITCHES`, None or empty if not given. ``own_data`` holds those of `own_data.SWITCHES`."""

    study: str | None
    data: str | None
    whole_corpora: bool
    """``sample=none``: all rows, also in a study that declares a sample"""
    sample: int | None
    corpora: tuple[str, ...]
    artefacts: tuple[str, ...]
    seeds: int | None
    throughput: float | None
    step_ms: float | None
    gpus: int | None
    gpu_model: str | None
    jobs_per_gpu: int
    own_data: dict[str, Any]


def read(given: Mapping[str, Any]) -> Switches:
    """The values given after ``--config``. Raises `UserError` for an unknown key and for an invalid value."""
    for key in given:
        if key not in SWITCHES:
            raise UserError(f"--config {key}=...: no such switch{nearest(key, SWITCHES)}")
    if "step_ms" in given and "throughput" not in given:
        raise UserError(f"--config step_ms={given['step_ms']}: give throughput=..., too, or neither to measure both")
    whole_corpora = given.get("sample") == "none"
    return Switches(
        study=str(given["study"]) if "study" in given else None,
        data=given.get("data"),
        whole_corpora=whole_corpora,
        sample=None if whole_corpora else _whole(given, "sample", 2),
        corpora=_names(given, "corpora"),
        artefacts=_names(given, "artefacts"),
        seeds=_whole(given, "seeds", 1),
        throughput=_positive(given, "throughput"),
        step_ms=_positive(given, "step_ms"),
        gpus=_whole(given, "gpus", 0),
        gpu_model=str(given["gpu_model"]) if given.get("gpu_model") else None,
        jobs_per_gpu=_whole(given, "jobs_per_gpu", 1) or 1,
        own_data={key: given[key] for key in own_data.SWITCHES if key in given},
    )


def check_names(switch: str, names: tuple[str, ...], known: Collection[str]) -> None:
    """Raise `UserError` for the first name given after ``--config <switch>=`` that is not in ``known``."""
    for name in names:
        if name not in known:
            raise UserError(f"--config {switch}={'+'.join(names)}: unknown name {name!r}{nearest(name, known)}")


def _names(given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The names in a value such as ``imdb+trec``."""
    return tuple(part for part in re.split(r"[+ ]", str(given.get(key) or "")) if part)


def _whole(given: Mapping[str, Any], key: str, least: int) -> int | None:
    if key not in given:
        return None
    if not re.fullmatch(r"\d+", str(given[key])) or int(given[key]) < least:
        raise UserError(f"--config {key}={given[key]}: give a whole number, at least {least}")
    return int(given[key])


def _positive(given: Mapping[str, Any], key: str) -> float | None:
    if key not in given:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", str(given[key])) or not float(given[key]):
        raise UserError(f"--config {key}={given[key]}: give a number above 0")
    return float(given[key])
