"""The validated content of ``config.yaml`` and one study file, with ``--config`` values laid over.

Every complaint names file and line, and the nearest known name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from . import checks, mixes, owntexts, yamlfile
from .errors import UserError, nearest, plain
from .spec import Artefact, Finetune, Pretrain, Study
from .yamlfile import Document

Model = TypeVar("Model", bound=BaseModel)
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
    **owntexts.SWITCHES,
}


@dataclass(frozen=True)
class Settings:
    """What the files say. ``only`` and ``chosen``: corpora and artefacts that --config kept, empty for all."""

    name: str
    study: Study
    artefacts: dict[str, Artefact]
    data: Path | None
    only: tuple[str, ...]
    chosen: tuple[str, ...]
    gpus: int | None
    gpu_model: str | None
    jobs_per_gpu: int
    forced: list[int] | None
    """seeds of --config, which hold for every run"""
    throughput: float | None
    config: Document
    document: Document
    merged: Document
    """config.yaml, the study, and the study's artefacts laid over those of config.yaml: for complaints"""

    @classmethod
    def read(cls, overrides: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Settings:
        """Read and check all. Raises `UserError` for the first thing that is wrong."""
        for key in overrides:
            if key not in SWITCHES:
                raise UserError(f"--config {key}=...: no such switch{nearest(key, SWITCHES)}")
        config = yamlfile.load(folder / "config.yaml")
        name = str(overrides.get("study", config.value.get("study", "miniature")))
        document = _study_document(folder, name)
        if document.value.get("own"):
            document, name = owntexts.laid(document, name, overrides, folder / "studies")
        elif given := [key for key in owntexts.SWITCHES if key in overrides]:
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
            update={"mixes": mixes.derived(study, config.value.get("corpora") or []) | study.mixes}
        )
        count = _whole(overrides, "seeds", 1)
        forced = list(range(study.seeds[0], study.seeds[0] + count)) if count else None
        data = study.data if study.own else overrides.get("data") or environment.get("BERTFIT_DATA") or study.data
        if data and not Path(data).expanduser().is_dir():
            raise UserError(f"data folder {data}: there is no such folder; correct data=FOLDER or BERTFIT_DATA")
        settings = cls(
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
        settings.artefacts.update(settings._artefacts())
        checks.references(settings)
        return settings

    def finetune(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Finetune:
        """The paper's hyperparameters <- the study's <- a ``preset`` <- ``differences``.

        ``lr: x2.5`` is relative to the study's rate.
        """
        usual = {**self._section("finetune"), **self.study.finetune}
        given = dict(differences)
        preset = given.pop("preset", None)
        if preset is not None:
            presets = self._section("presets")
            if preset not in presets:
                place = self.merged.where((*keys, "recipe", "preset"))
                raise UserError(f"{place}: no preset {preset!r} in config.yaml{nearest(str(preset), presets)}")
            usual |= presets[preset]
        relative = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(given.get("lr", "")))
        if relative:
            base = float(usual.get("lr", Finetune.model_fields["lr"].default))
            given["lr"] = float(f"{base * float(relative[1]):.12g}")
        return self._model(Finetune, usual | given, keys, given)

    def pretrain(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Pretrain:
        """The paper's pre-training <- the study's <- ``differences``."""
        usual = {**self._section("pretrain"), **self.study.pretrain}
        return self._model(Pretrain, usual | dict(differences), keys, differences)

    def steps(self, steps: int | str | None, further: Mapping[str, Any]) -> int:
        """Steps of a further pre-training: as given, a multiple (``x0.5``) of the usual, or the usual.

        Usual are the study's, or those of an encoder whose ``further`` has its own.
        """
        usual = self.pretrain(further).steps
        if steps is None:
            return usual
        multiple = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(steps))
        found = round(usual * float(multiple[1])) if multiple else int(steps)
        if multiple and not found and float(multiple[1]):
            raise UserError(f"steps: {steps} of {usual} steps is less than one; leave this row out of the study")
        return found

    def _section(self, name: str) -> dict[str, Any]:
        return dict(self.config.value.get(name) or {})

    def _model(
        self, model: type[Model], values: dict[str, Any], keys: tuple[str, ...], own: Mapping[str, Any]
    ) -> Model:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            section = model.__name__.lower()
            if keys and (key in own or not key):
                place = self.merged.where((*keys, "recipe", key))
            elif not key:  # keys that cannot stand together
                place = self.document.where((section,))
            else:
                document = self.document if key in getattr(self.study, section) else self.config
                place = document.where((section, key))
            raise UserError(f"{place}: {_problem(first, model)}") from error

    def _artefacts(self) -> dict[str, Artefact]:
        declared = self.config.value.get("artefacts") or {}
        own = {key: value for key, value in self.study.artefacts.items() if value is not None}
        for key in own:
            if key not in declared and "kind" not in own[key]:
                place = self.document.where(("artefacts", key))
                raise UserError(f"{place}: no artefact {key!r} in config.yaml{nearest(key, declared)}")
        wanted = [*(key for key in declared if key in own), *(key for key in own if key not in declared)]
        return {key: validate(Artefact, self.merged, ("artefacts", key)) for key in wanted}


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


def validate(model: type[Model], document: Document, keys: tuple[str, ...]) -> Model:
    """Validate the part of a document below ``keys``. Raises `UserError` with file, line and the nearest name."""
    value: Any = document.value
    for key in keys:
        value = value[key]
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        at = (*keys, *(part for part in first["loc"] if part != "[key]"))
        raise UserError(f"{document.where(at)}: {_problem(first, model)}") from error


def _problem(error: Any, model: type[BaseModel]) -> str:
    loc = [str(part) for part in error["loc"]]
    name = ".".join(map(plain, loc)) or model.__name__
    if error["type"] == "extra_forbidden":
        return f"unknown key {loc[-1]!r} ({name}){nearest(loc[-1], _fields(model, loc[:-1]))}"
    if error["type"] == "missing":
        return f"{name} is missing"
    given = "" if isinstance(error["input"], Mapping) else f" = {error['input']!r}"
    return f"{name}{given}: {error['msg']}"


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    """Field names of the model that stands at ``path`` below ``model`` (keys of maps and list positions skipped)."""
    current: type[BaseModel] = model
    for part in path:
        if part in current.model_fields:
            inside = [one for one in _inner(current.model_fields[part].annotation) if _is_model(one)]
            current = inside[0] if inside else current
    return list(current.model_fields)


def _inner(annotation: Any) -> list[Any]:
    return [annotation, *(deeper for argument in get_args(annotation) for deeper in _inner(argument))]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


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
    document = yamlfile.load(folder / "studies" / f"{name}.yaml")
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
