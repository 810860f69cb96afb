"""The keys of Snakemake's ``--config`` that the workflow knows, and their values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bertfit.contributions import seed_ranges
from bertfit.contributions.contributed import LONGEST_NAME, is_name
from bertfit.contributions.seed_ranges import SeedRanges
from bertfit.core.errors import UserError, nearest
from bertfit.own_dataset import own_data

SWITCHES = {
    "study": "name of the study, a file of studies/, or the path of one of your own, ending in .yaml (default: the one "
    "that config.yaml names)",
    "data": "folder of local corpora, whose files come before the hub (default: the variable BERTFIT_DATA, else the "
    "study's); for your own dataset: its file",
    "corpora": "only these corpora, joined by + (in config.yaml also a list); the cells of other corpora say that they "
    "were left out",
    "artefacts": "only these tables and figures, joined by + (in config.yaml also a list); report and verdicts cover "
    "only these",
    "shard": "part and number of parts, such as 2/4: only the runs of this part, without tables and report; the "
    "archives of all parts are merged",
    "sample": "rows kept of each split, by class, seeded, with a separate results folder; none: all rows",
    "seeds": "number of seeds of every run, counted from the study's first, or which seeds: 4-6, 1-3+7-9, or "
    "declared+4-6, with those that the study declares (a job trains a block of them: others can regroup the blocks)",
    "contributor": "who made the results, for archives that are merged with those of others",
    "gpus": "GPUs that a training job asks for (default: as its encoder declares, if this machine has as many)",
    "gpu_model": "model of GPU that a training job asks a cluster for",
    "jobs_per_gpu": "training jobs that share a GPU of this machine (default: 1)",
    "cuda_graphs": "no: a training launches its kernels one by one, not a step at a time (default: yes, on a GPU)",
    "half_weights": "no: on a GPU each step casts the weights, in place of keeping bfloat16 copies (default: yes)",
    "throughput": "TFLOP/s (10**12 operations a second) that the plan counts with (default: measured)",
    "step_ms": "milliseconds of a step beside its operations that the plan counts with, given with throughput "
    "(default: 0 with throughput, else measured)",
    "watts": "power of a GPU with its share of the processor, or of the processor alone, that the plan counts with "
    "(default: of finished jobs, else measured with the speed)",
    **own_data.SWITCHES,
}
JOINED = ("corpora", "artefacts")
"""names joined by +, which may also be a list"""
TEXTS = ("study", *JOINED, "contributor", "gpu_model", "encoder")
"""of which a number is never meant; columns may have numbers, and files that are not found are told with a hint"""
EXPLAINED = ("data", "test", "unlabelled", "text", "label", "group", "time")
"""where `own_data` says what Snakemake made of a value such as "Q1: overall", a map"""
READ_AS = {bool: "yes or no", int: "a number", float: "a number", date: "a date"}
"""type of a value -> what YAML took the text for; bool first, as it is an int"""


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
    shard: tuple[int, int] | None
    """number of the part, from 1, and the number of parts"""
    seeds: int | SeedRanges | None
    """their number, or which"""
    contributor: str | None
    throughput: float | None
    step_ms: float | None
    watts: float | None
    gpus: int | None
    gpu_model: str | None
    jobs_per_gpu: int
    cuda_graphs: bool
    half_weights: bool
    own_data: dict[str, Any]


def as_typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values, a list of one text being this text, and a list of corpora or artefacts its names joined by +.

    Snakemake reads 2023_1 as the number 20231 and cuts a text at " #"; it leaves ``["2023_1"]`` as it is, which is how
    the Makefile passes the texts of the user. A list of seeds stays one, which `read` refuses: [3] could be seed 3 or
    three seeds.
    """
    return {key: _unlisted(key, value) for key, value in given.items()}


def _unlisted(key: str, value: Any) -> Any:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        return value
    if key in JOINED:
        return "+".join(value)
    return value[0] if len(value) == 1 and key != "seeds" else value


def read(given: Mapping[str, Any]) -> Switches:
    """The values given after ``--config``. Raises `UserError` for an unknown key and for an invalid value."""
    for key in given:
        if key not in SWITCHES:
            raise UserError(f"--config {key}=...: no such switch{nearest(key, SWITCHES)}")
        _check_type(key, given[key])
    if "step_ms" in given and "throughput" not in given:
        raise UserError(f"--config step_ms={given['step_ms']}: give throughput=..., too, or neither to measure both")
    whole_corpora = given.get("sample") == "none"
    return Switches(
        study=str(given["study"]) if "study" in given else None,
        data=None if given.get("data") is None else str(given["data"]),
        whole_corpora=whole_corpora,
        sample=None if whole_corpora else _whole(given, "sample", 2),
        corpora=_names(given, "corpora"),
        artefacts=_names(given, "artefacts"),
        shard=_shard(given),
        seeds=seed_ranges.parse(given["seeds"]) if "seeds" in given else None,
        contributor=_contributor(given),
        throughput=_positive(given, "throughput"),
        step_ms=_positive(given, "step_ms"),
        watts=_positive(given, "watts"),
        gpus=_whole(given, "gpus", 0),
        gpu_model=str(given["gpu_model"]) if given.get("gpu_model") else None,
        jobs_per_gpu=_whole(given, "jobs_per_gpu", 1) or 1,
        cuda_graphs=_yes(given, "cuda_graphs"),
        half_weights=_yes(given, "half_weights"),
        own_data={
            key: _yes(given, key) if key == "learning_curve" else given[key]
            for key in own_data.SWITCHES
            if key in given
        },
    )


def check_names(switch: str, names: tuple[str, ...], known: Collection[str]) -> None:
    """Raise `UserError` for the first name given after ``--config <switch>=`` that is not in ``known``."""
    for name in names:
        if name not in known:
            raise UserError(f"--config {switch}={'+'.join(names)}: unknown name {name!r}{nearest(name, known)}")


def _check_type(key: str, value: Any) -> None:
    """Raise `UserError` for a list or map, and for a text that YAML read as something else: 2023_1 is 20231 there."""
    if isinstance(value, list) or (isinstance(value, dict) and key not in EXPLAINED):
        kind = "list" if isinstance(value, list) else "map"
        if key == "seeds":
            given = [str(each) for each in value]
            numbers = {int(each) for each in given if re.fullmatch(r"\d{1,10}", each)} if kind == "list" else set()
            form = "+".join(seed_ranges.ranges(numbers)) if 0 < len(numbers) == len(set(given)) else "1-2"
            raise UserError(f"--config seeds={value}: write {form}, not a {kind}")
        if key in JOINED:
            raise UserError(f"--config {key}={value}: give names joined by +, or a list of names; for all leave it out")
        raise UserError(f"--config {key}={value}: give one value ({key}: VALUE in config.yaml), not a {kind}")
    if key in TEXTS and value is not None and not isinstance(value, str):
        read_as = next((words for kind, words in READ_AS.items() if isinstance(value, kind)), type(value).__name__)
        raise UserError(
            f"--config {key}={value}: YAML read it as {read_as}, perhaps not as it was typed (2023_1 is 20231 there); "
            f'give a text, quoted: \'{key}=["2023_1"]\', or {key}: "2023_1" in config.yaml'
        )


def _names(given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The names in a value such as ``imdb+trec``."""
    return tuple(part for part in re.split(r"[+ ]", str(given.get(key) or "")) if part)


def _shard(given: Mapping[str, Any]) -> tuple[int, int] | None:
    """Part and number of parts of a value such as ``2/4``."""
    if "shard" not in given:
        return None
    value = "" if given["shard"] is None else str(given["shard"])  # Snakemake reads an empty value as None
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", value)
    if not match or int(match[1]) > int(match[2]):
        raise UserError(f"--config shard={value}: give a part, counted from 1, and the number of parts, such as 2/4")
    return int(match[1]), int(match[2])


def _contributor(given: Mapping[str, Any]) -> str | None:
    if "contributor" not in given:
        return None
    name = "" if given["contributor"] is None else str(given["contributor"]).strip()
    if not is_name(name):
        raise UserError(
            f"--config contributor={name[:LONGEST_NAME]!r}: give a name of at most {LONGEST_NAME} printable characters"
        )
    return name


def _whole(given: Mapping[str, Any], key: str, least: int) -> int | None:
    if key not in given:
        return None
    if not re.fullmatch(r"\d+", str(given[key])) or int(given[key]) < least:
        raise UserError(f"--config {key}={given[key]}: give a whole number, at least {least}")
    return int(given[key])


def _yes(given: Mapping[str, Any], key: str) -> bool:
    """Yes by default; YAML reads yes and no as booleans; Snakemake passes some values on as text."""
    words = {"yes": True, "true": True, "no": False, "false": False}
    value = str(given.get(key, True)).lower()
    if value not in words:
        raise UserError(f"--config {key}={given[key]}: give yes or no")
    return words[value]


def _positive(given: Mapping[str, Any], key: str) -> float | None:
    if key not in given:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", str(given[key])) or not float(given[key]):
        raise UserError(f"--config {key}={given[key]}: give a number above 0")
    return float(given[key])
