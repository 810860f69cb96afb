"""Reads ``config.yaml`` and one study file, with ``--config`` values laid over.

Every complaint names file and line, and the nearest known name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bertfit.config import own_data, references, study_schema
from bertfit.config.settings import Settings
from bertfit.config.study_schema import Study
from bertfit.config.validation import validate
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError, nearest
from bertfit.core.yaml_loader import Document

SWITCHES = {
    "study": "name of the study, a file of studies/ (default: the one that config.yaml names)",
    "data": "folder of local corpora, whose files come before the hub (default: the variable BERTFIT_DATA, else the "
    "study's); for your own dataset: its file",
    "corpora": "only these corpora, joined by +; the cells of the others say so",
    "artefacts": "only these tables and figures, joined by +; the report and the verdicts are of them alone",
    "sample": "rows kept of each split, by class, seeded, in a results folder of its own; none: all rows",
    "seeds": "number of seeds of every run (a job trains a block of them: another number can regroup the blocks)",
    "gpus": "GPUs that a training job asks for (default: what its encoder declares, where this machine has so many)",
    "gpu_model": "model of GPU that a training job asks a cluster for",
    "jobs_per_gpu": "training jobs that share a GPU of this machine (default: 1)",
    "throughput": "TFLOP/s (10**12 operations a second) that the plan counts with (default: measured)",
    **own_data.SWITCHES,
}


def load_settings(overrides: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check all. Raises `UserError` for the first thing that is wrong."""
    for key in overrides:
        if key not in SWITCHES:
            raise UserError(f"--config {key}=...: no such switch{nearest(key, SWITCHES)}")
    config = yaml_loader.load(folder / "config.yaml")
    name = str(overrides.get("study", config.value.get("study", "miniature")))
    document = _study_document(folder, name)
    if document.value.get("own"):
        document, name = own_data.laid(document, name, overrides, folder / "studies")
    elif given := [key for key in own_data.SWITCHES if key in overrides]:
        raise UserError(f"--config {given[0]}=...: belongs to texts of your own; add study=example")
    _check_shape(config)
    if overrides.get("sample") == "none":
        document.value["sample"] = None
        name += ".sample-none"
    elif (rows := _whole(overrides, "sample", 2)) is not None:
        document.value["sample"] = {"train": rows, "test": rows}
        document.value["comparable"] = False
        name += f".sample{rows}"  # other rows, other results: they never overwrite the study's own
    shared = {key: config.value.get(key) or {} for key in ("mixes", "multitask")}
    document = Document(config.path, shared, config.lines).extended_by(document)
    study = validate(Study, document, ())
    study = study.model_copy(
        update={"mixes": study_schema.derived_mixes(study, config.value.get("corpora") or []) | study.mixes}
    )
    count = _whole(overrides, "seeds", 1)
    forced = list(range(study.seeds[0], study.seeds[0] + count)) if count else None
    data = study.data if study.own else overrides.get("data") or environment.get("BERTFIT_DATA") or study.data
    if data and not Path(data).expanduser().is_dir():
        raise UserError(f"data folder {data}: there is no such folder; correct data=FOLDER or BERTFIT_DATA")
    settings = Settings(
        name,
        study,
        {},
        Path(data).expanduser() if data else None,
        _names(overrides, "corpora", study.corpora),
        _names(overrides, "artefacts", [key for key, value in study.artefacts.items() if value is not None]),
        _whole(overrides, "gpus", 0),
        str(overrides["gpu_model"]) if overrides.get("gpu_model") else None,
        _whole(overrides, "jobs_per_gpu", 1) or 1,
        forced,
        _positive(overrides, "throughput"),
        config,
        document,
        _merged(config, document, study),
    )
    settings.artefacts.update(settings.declared_artefacts())
    references.check(settings)
    return settings


def _merged(config: Document, document: Document, study: Study) -> Document:
    """config.yaml with the study's artefacts and groups laid over its own; every key knows its file and line."""
    own = {key: value for key, value in study.artefacts.items() if value is not None}
    over = {"artefacts": own, "multitask": document.value.get("multitask") or {}}
    lines = {at: place for at, place in document.lines.items() if at[0] in over}
    return config.extended_by(Document(document.path, over, lines))


def _check_shape(config: Document) -> None:
    """The sections of config.yaml are maps, its corpora a list; what stands in them is checked later."""
    maps = ("finetune", "presets", "pretrain", "mixes", "multitask", "artefacts")
    shapes: dict[str, type] = {"corpora": list, **dict.fromkeys(maps, dict)}
    for key, value in config.value.items():
        if key == "study":
            continue
        if key not in shapes:
            raise UserError(f"{config.where((key,))}: unknown key {key!r}{nearest(key, ['study', *shapes])}")
        if not isinstance(value, shapes[key]):
            raise UserError(f"{config.where((key,))}: {key} must be a {'list' if shapes[key] is list else 'map'}")
    for key, value in (config.value.get("artefacts") or {}).items():
        if not isinstance(value, dict):
            raise UserError(f"{config.where(('artefacts', key))}: artefact {key!r} must be a map")


def _study_document(folder: Path, name: str, children: tuple[str, ...] = ()) -> Document:
    known = sorted(path.stem for path in (folder / "studies").glob("*.yaml"))
    if name not in known:
        raise UserError(f"no study {name!r} in {folder / 'studies'}{nearest(name, known)}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(
            f"{folder / 'studies' / name}.yaml: a study's name is letters, digits, _ and -; rename the file"
        )
    if name in children:
        raise UserError(f"studies extend each other in a circle: {' -> '.join((*children, name))}")
    document = yaml_loader.load(folder / "studies" / f"{name}.yaml")
    parent = document.value.pop("extends", None)
    if not parent:
        return document
    return _study_document(folder, str(parent), (*children, name)).extended_by(document, keep_nulls=("artefacts",))


def _positive(overrides: Mapping[str, Any], key: str) -> float | None:
    """A positive number given after --config, or None."""
    if key not in overrides:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", str(overrides[key])) or not float(overrides[key]):
        raise UserError(f"--config {key}={overrides[key]}: give a number above 0")
    return float(overrides[key])


def _names(overrides: Mapping[str, Any], key: str, known: Collection[str]) -> tuple[str, ...]:
    """Names given after --config, joined by +; empty if there are none."""
    names = tuple(part for part in re.split(r"[+ ]", str(overrides.get(key) or "")) if part)
    for name in names:
        if name not in known:
            raise UserError(f"--config {key}={'+'.join(names)}: no {name!r} among them{nearest(name, known)}")
    return names


def _whole(overrides: Mapping[str, Any], key: str, least: int) -> int | None:
    """A whole number given after --config, or None."""
    if key not in overrides:
        return None
    if not re.fullmatch(r"\d+", str(overrides[key])) or int(overrides[key]) < least:
        raise UserError(f"--config {key}={overrides[key]}: give a whole number, at least {least}")
    return int(overrides[key])
