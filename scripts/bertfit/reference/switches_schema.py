"""JSON schema of ``config/config.yaml``: the switches of ``--config``, for the workflow catalog and for editors."""

from __future__ import annotations

import io
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML

from bertfit.config.switches import JOINED, SWITCHES, Switches

TYPES: dict[Any, str | list[str]] = {int: "integer", float: "number", bool: ["string", "boolean"], str: "string"}
"""type of a switch in Python -> in the schema; yes and no are texts in YAML 1.2, which Snakemake reads as booleans"""
ALSO_TEXT = ("sample", "seeds")
"""numbers that can also be given as a word or a range"""


def text() -> str:
    """The schema as YAML."""
    properties: dict[str, Any] = {}
    hints = get_type_hints(Switches)
    for name, meaning in SWITCHES.items():
        kind = TYPES.get(_plain(hints.get(name, str)), "string")
        properties[name] = {"type": [kind, "string"] if name in ALSO_TEXT else kind, "description": meaning}
        if name in JOINED:
            properties[name] |= {"type": [kind, "array"], "items": {"type": "string"}, "minItems": 1}
    properties["study"]["default"] = "miniature"
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "The switches of bertfit; `make reference` writes this file.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    written = io.StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.dump(schema, written)
    return written.getvalue()


def _plain(hint: Any) -> Any:
    """The type of a hint, of several the first; a tuple of names is a text such as ``imdb+trec``."""
    if get_origin(hint) is UnionType:
        hint, *_ = get_args(hint)
    return hint
