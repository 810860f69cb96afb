"""Schemas of config.yaml, studies and claims: every key has a meaning, shipped files fit, wrong values do not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bertfit.config.load import _check_shape
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.reference import config_schema
from conftest import ROOT

STUDIES = [*sorted((ROOT / "studies").glob("*.yaml")), *sorted((ROOT / "tests/studies").glob("*.yaml"))]
REFERENCE = ROOT / "docs" / "reference"


def problems(name: str, value: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(config_schema.schema(name))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def test_every_key_has_a_meaning() -> None:
    schemas = config_schema.definitions()
    missing = [
        f"{name}.{key}"
        for name, definition in schemas.items()
        for key, field in definition["properties"].items()
        if not field.get("description")
    ]
    assert not missing


@pytest.mark.parametrize("name", config_schema.FILES)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema.schema(name))


def test_shipped_files_fit_their_schemas() -> None:
    assert problems("config", yaml_loader.load(ROOT / "config.yaml").value) == []
    assert problems("claims", yaml_loader.load(ROOT / "paper/claims.yaml").value) == []
    assert len(STUDIES) > 6
    for path in STUDIES:
        assert problems("study", yaml_loader.load(path).value) == [], path


def test_shipped_files_name_their_schemas() -> None:
    named = {"config.yaml": "config", "paper/claims.yaml": "claims"}
    named |= {path.relative_to(ROOT).as_posix(): "study" for path in STUDIES if path.parent == ROOT / "studies"}
    for name, schema in named.items():
        first = (ROOT / name).read_text(encoding="utf-8").splitlines()[0]
        mark, _, target = first.partition("$schema=")
        assert mark == "# yaml-language-server: ", name
        assert ((ROOT / name).parent / target).resolve() == REFERENCE / f"{schema}.schema.json", name


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("finetune", "lrr"), 1e-5),
        (("finetune", "lr"), -1),
        (("finetune", "lr"), "2x"),
        (("presets", "modern", "clip_by"), "layer"),
        (("artefacts", "table2", "rows", "head-only", "recipe", "truncation"), "middle"),
        (("artefacts", "table2", "kind"), "tables"),
        (("multitask", "four", "corpora"), "imdb"),
        (("mixes",), []),
    ],
)
def test_wrong_values_are_told(keys: tuple[str, ...], value: object) -> None:
    config = copy.deepcopy(yaml_loader.load(ROOT / "config.yaml").value)
    at = config
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    assert any(keys[0] in problem for problem in problems("config", config))


def test_wrong_values_of_a_study_are_told() -> None:
    assert problems("study", {"extends": "paper", "corpora": {"imdb": {"seeds": None}, "trec": None}}) == []
    assert problems("study", {"artefacts": {"table2": {"rows": {"head-only": None}, "recipe": {"lr": "x2"}}}}) == []
    for wrong in (
        {"corpora": {"imdb": {"sources": {}}}},
        {"encoders": {"base": {"revision": "main"}}},
        {"artefacts": {"table2": {"rows": {"head-only": {"recipe": {"epochs": 0}}}}}},
        {"seeds": [-1]},
        {"corpora": {"IMDb": {}}},
    ):
        assert problems("study", wrong), wrong


@pytest.mark.parametrize("key", sorted(set(config_schema.ConfigFile.model_fields) - {"study"}))
def test_the_model_of_the_config_has_the_checked_keys(key: str) -> None:
    with pytest.raises(UserError, match=f"{key} must be a"):
        _check_shape(yaml_loader.Document(Path("config.yaml"), {key: 3}, {}))


def test_an_unknown_key_of_the_config_is_told() -> None:
    assert problems("config", {"artefact": {}})
    with pytest.raises(UserError, match="unknown key"):
        _check_shape(yaml_loader.Document(Path("config.yaml"), {"artefact": {}}, {}))
