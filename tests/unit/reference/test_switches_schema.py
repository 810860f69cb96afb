"""The schema of config/config.yaml: every switch, of the type that the workflow reads."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from bertfit.config.switches import SWITCHES
from bertfit.core import yaml_loader
from bertfit.reference import switches_schema
from conftest import ROOT

SCHEMA: dict[str, Any] = YAML(typ="safe").load(switches_schema.text())


def test_every_switch_has_a_meaning_and_a_type() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert {name: field["description"] for name, field in SCHEMA["properties"].items()} == SWITCHES
    types = {name: field["type"] for name, field in SCHEMA["properties"].items()}
    assert types["gpus"] == "integer" and types["throughput"] == "number"
    assert types["study"] == "string" and types["artefacts"] == types["corpora"] == ["string", "array"]
    assert types["sample"] == ["integer", "string"] and types["cuda_graphs"] == ["string", "boolean"]


def test_names_may_be_a_list_and_seeds_may_not() -> None:
    jsonschema.validate({"artefacts": ["kept", "figure1"], "corpora": "a+b"}, SCHEMA)
    for wrong in ({"seeds": [1, 2]}, {"corpora": []}, {"corpora": [1]}, {"study": ["a"]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


@pytest.mark.parametrize("path", ["config/config.yaml", ".test/config/config.yaml"])
def test_the_shipped_files_fit(path: str) -> None:
    jsonschema.validate(yaml_loader.load(ROOT / path).value, SCHEMA)
    with pytest.raises(jsonschema.ValidationError, match="'stuyd' was unexpected"):
        jsonschema.validate({"stuyd": "paper"}, SCHEMA)
