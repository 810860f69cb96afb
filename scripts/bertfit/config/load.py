"""Reads ``config.yaml`` and one study file, updated with ``--config`` values.

Every complaint names file and line, and the nearest known name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertfit.config import references, study_schema, switches
from bertfit.config.settings import Settings
from bertfit.config.study_schema import Artefact, Study
from bertfit.config.switches import Switches
from bertfit.config.validation import validate
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError, nearest
from bertfit.core.yaml_loader import Document
from bertfit.encoders import hub_encoder
from bertfit.own_dataset import own_data


def load_settings(overrides: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check config.yaml and the study, with ``--config`` values. Raises `UserError` for the first error."""
    overrides = switches.as_typed(overrides)
    given = switches.read(overrides)
    config = yaml_loader.load(folder / "config.yaml")
    files = _study_files(folder, str(config.value.get("study", "miniature")) if given.study is None else given.study)
    study_document, name = _study_document(files), files[0].path.stem
    if study_document.value.get("own"):
        study_document, name = own_data.apply_switches(study_document, name, overrides, folder / "studies")
        if given.shard:
            raise UserError("--config shard=...: your own dataset is one part; run it without shard")
    elif given.own_data:
        raise UserError(f"--config {next(iter(given.own_data))}=...: is for your own dataset; add study=example")
    _check_shape(config)
    study_document, name = _sampled(study_document, name, given)
    with_shared = _with_hub_facts(_shared(config).extended_by(study_document))
    study = validate(Study, with_shared, ())
    mixes = study_schema.derived_mixes(study, config.value.get("corpora") or []) | study.mixes
    study = study.model_copy(update={"mixes": mixes})
    merged = _merged(config, with_shared, study)
    switches.check_names("corpora", given.corpora, study.corpora)
    artefacts = _artefacts(config, with_shared, study, merged)
    switches.check_names("artefacts", given.artefacts, artefacts)
    settings = Settings(
        name=name,
        study=study,
        artefacts=artefacts,
        data=_data_folder(study, given.data or environment.get("BERTFIT_DATA")),
        switches=given,
        config=config,
        document=with_shared,
        merged=merged,
        own_studies=tuple(file.path for file in files if file.path.parent.resolve() != (folder / "studies").resolve()),
    )
    references.check(settings)
    return settings


def _sampled(study_document: Document, name: str, given: Switches) -> tuple[Document, str]:
    """The study with ``--config sample=`` applied, and its name: sampled results never overwrite those of the study."""
    if given.whole_corpora:
        return study_document.extended_by(Document(study_document.path, {"sample": None}, {})), f"{name}.sample-none"
    if given.sample is None:
        return study_document, name
    overrides = {"sample": {"train": given.sample, "test": given.sample}, "comparable": False}
    return study_document.extended_by(Document(study_document.path, overrides, {})), f"{name}.sample{given.sample}"


def _shared(config: Document) -> Document:
    """The sections of config.yaml that a study may extend."""
    return Document(config.path, {key: config.value.get(key) or {} for key in ("mixes", "multitask")}, config.lines)


def _with_hub_facts(document: Document) -> Document:
    """The study with commit, layers and family of hub encoders that it does not give, of their config.json."""
    encoders = document.value.get("encoders")
    found: dict[str, Any] = {}
    for name, declared in encoders.items() if isinstance(encoders, dict) else ():
        if not isinstance(declared, dict) or not declared.get("hub"):
            continue
        try:
            found[name] = hub_encoder.completed(declared)
        except UserError as error:
            raise UserError(f"{document.where(('encoders', name))}: {error}") from error
    return document.extended_by(Document(document.path, {"encoders": found}, {})) if found else document


def _data_folder(study: Study, given: str | None) -> Path | None:
    """The folder of local corpora: that of your own dataset, else the one given, else the study's."""
    data = study.data if study.own else given or study.data
    if data and not Path(data).expanduser().is_dir():
        raise UserError(f"data folder {data}: there is no such folder; correct data=FOLDER or BERTFIT_DATA")
    return Path(data).expanduser() if data else None


def _asked(study: Study) -> dict[str, dict[str, Any]]:
    """The artefacts that the study asks for, with their differences from config.yaml."""
    return {key: value for key, value in study.artefacts.items() if value is not None}


def _artefacts(config: Document, document: Document, study: Study, merged: Document) -> dict[str, Artefact]:
    """The artefacts that the study asks for, in the order of config.yaml, then its own."""
    config_artefacts, asked = config.value.get("artefacts") or {}, _asked(study)
    for key, differences in asked.items():
        if key not in config_artefacts and "kind" not in differences:
            place = document.where(("artefacts", key))
            raise UserError(f"{place}: no artefact {key!r} in config.yaml{nearest(key, config_artefacts)}")
    order = [*(key for key in config_artefacts if key in asked), *(key for key in asked if key not in config_artefacts)]
    own = {key: validate(Artefact, merged, ("artefacts", key)) for key in order}
    _check_others(document, study, own)
    with_encoder = [name for name, corpus in study.corpora.items() if corpus.encoder]
    return own | {
        study_schema.repeated(key, encoder): _repeated(merged, document, encoder, key).with_encoder(
            encoder, study.encoders[encoder].title, with_encoder
        )
        for encoder, artefacts in study.others.items()
        for key in artefacts
    }


def _repeated(merged: Document, document: Document, encoder: str, key: str) -> Artefact:
    """An artefact with its differences for one of ``others``; errors name their lines."""
    at = ("others", encoder, key)
    lines = {("artefacts", *place[2:]): where for place, where in document.lines.items() if place[:3] == at}
    differences = Document(document.path, {"artefacts": {key: document.value["others"][encoder][key]}}, lines)
    return validate(Artefact, merged.extended_by(differences), ("artefacts", key))


def _check_others(document: Document, study: Study, own: Mapping[str, Artefact]) -> None:
    """Raise `UserError` for ``others`` that are no encoders, or artefacts without runs."""
    with_runs = [key for key, artefact in own.items() if artefact.kind in study_schema.KINDS_WITH_RUNS]
    for encoder, artefacts in study.others.items():
        place = document.where(("others", encoder))
        if encoder not in study.encoders:
            raise UserError(f"{place}: no encoder {encoder!r}{nearest(encoder, study.encoders)}")
        if encoder == study.base:
            raise UserError(f"{place}: {encoder!r} is the base encoder, which the artefacts have already")
        for key in artefacts:
            if key not in with_runs:
                raise UserError(
                    f"{document.where(('others', encoder, key))}: no artefact with runs {key!r}"
                    f"{nearest(key, with_runs)}; a study that extends this one without {key!r} sets `others: "
                    f"{{{encoder}: {{{key}: null}}}}`"
                )


def _merged(config: Document, document: Document, study: Study) -> Document:
    """config.yaml updated with the study's artefacts and groups; the file and line of every key are kept."""
    overrides = {"artefacts": _asked(study), "multitask": document.value.get("multitask") or {}}
    lines = {at: place for at, place in document.lines.items() if at[0] in overrides}
    return config.extended_by(Document(document.path, overrides, lines))


def _check_shape(config: Document) -> None:
    """Check that the sections of config.yaml are maps and ``corpora`` a list. Their content is validated later."""
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


def _study_files(folder: Path, given: str) -> list[Document]:
    """The file of a study and those that it extends, the most basic one last.

    ``given``: the name of a file of ``studies/``, or a path that ends in .yaml. What a file outside of ``studies/``
    extends is looked for beside it, then in ``studies/``.
    """
    studies = folder / "studies"
    known = {path.stem: path for path in sorted(studies.glob("*.yaml"))}
    path = Path(given).expanduser()
    if path.suffix == ".yml":
        raise UserError(f"study={given}: the file of a study ends in .yaml; rename it to {path.stem}.yaml")
    own = path.suffix == ".yaml"
    if own and not path.is_file():
        raise UserError(
            f"study={given}: there is no such file; give the path of a study, or the name of one of {studies}"
        )
    if not own and given not in known:
        hint = nearest(given, known) or "; a study of your own is given by its path, study=FOLDER/NAME.yaml"
        raise UserError(f"no study {given!r} in {studies}{hint}")
    files: list[Document] = []
    following: Path | None = path.resolve() if own else known[given]
    while following:
        _check_name(following, known)
        if following in [file.path for file in files]:
            names = [file.path.stem for file in files]
            raise UserError(f"studies extend each other in a circle: {' -> '.join((*names, following.stem))}")
        files.append(yaml_loader.load(following))
        parent = files[-1].value.pop("extends", None)
        following = _extended(following, str(parent), known) if parent else None
    return files


def _extended(file: Path, parent: str, known: Mapping[str, Path]) -> Path:
    """The file of the study ``parent`` that a study's ``file`` extends: beside it, or shipped."""
    beside = file.with_name(f"{parent}.yaml")
    if beside.is_file():
        return beside
    if parent not in known:
        raise UserError(f"{file}: extends {parent!r}, and there is no study of that name{nearest(parent, known)}")
    return known[parent]


def _check_name(file: Path, known: Mapping[str, Path]) -> None:
    """Raise `UserError` for a study whose name is no name of a folder, or that of a shipped study."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", file.stem):
        raise UserError(f"{file}: a study's name is letters, digits, _ and -; rename the file")
    if file.stem in known and file.resolve() != known[file.stem].resolve():
        raise UserError(f"{file}: there is another study of this name, {known[file.stem]}; rename yours")


def _study_document(files: Sequence[Document]) -> Document:
    """The study of `_study_files`, with what it extends."""
    *children, document = files
    for child in reversed(children):
        document = document.extended_by(child, keep_nulls=("artefacts",))
    return document
