"""JSON schemas of ``config.yaml``, study files and those of ``paper/``, for validation and completion in editors.

Generated from the pydantic models; `config_reference` renders the same models as Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from bertfit.claims.claim_schema import Claims
from bertfit.config.corpus_schema import Spec
from bertfit.config.hyperparameters import Finetune, FinetuneKeys, Multitask, Pretrain, PretrainKeys
from bertfit.config.study_schema import Artefact, Mix, Name, Study
from bertfit.power.spreads import Spreads

Schema = dict[str, Any]
DIFFERENCES = "Differences"  # suffix of the definitions of Finetune, Pretrain, Artefact with optional keys only
MULTIPLE = {"type": "string", "pattern": r"^x\d+(\.\d+)?$"}  # of the study's learning rate


class ConfigFile(Spec):
    """The experiments behind the paper's tables and figures, the same for every study."""

    study: str = Field("miniature", description="the study that runs without --config study=")
    corpora: list[str] = Field([], description="the paper's corpora, in its order (section 5.1)")
    finetune: FinetuneKeys = Field({}, description="the paper's recipe of fine-tuning (section 5.2)")
    presets: dict[str, FinetuneKeys] = Field({}, description="named sets of keys, for `recipe: {preset: NAME}`")
    pretrain: PretrainKeys = Field({}, description="the paper's pre-training (section 5.2)")
    mixes: dict[Name, Mix] = Field(
        {}, description="mixes in addition to those derived from the corpora (section 5.4.2)"
    )
    multitask: dict[Name, Multitask] = Field(
        {}, description="groups of corpora that are trained together (section 5.5)"
    )
    artefacts: dict[Name, Artefact] = Field({}, description="tables and figures by name")


class StudyFile(Study):
    """The setting that the experiments run in: corpora, base encoders, sizes."""

    extends: str | None = Field(None, description="study that this one updates")


FILES: dict[str, type[BaseModel]] = {
    "config": ConfigFile,
    "study": StudyFile,
    "claims": Claims,
    "spreads": Spreads,
}
"""Name of a schema -> the model of the file that it describes"""


class _Untitled(GenerateJsonSchema):
    """Generator without titles of fields, which would repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(name: str) -> Schema:
    """JSON schema of one of `FILES`. In a study every key may be missing or null, as ``extends`` can provide it."""
    schemas = definitions()
    if name == "study":
        schemas = {key: _partial(definition) for key, definition in schemas.items()}
    root = schemas.pop(FILES[name].__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": {key: schemas[key] for key in sorted(_reachable(root, schemas))},
    }


def definitions() -> dict[str, Schema]:
    """JSON schema of every model by its name, and of the differences from `Finetune`, `Pretrain` and `Artefact`."""
    overridable: tuple[type[BaseModel], ...] = (Finetune, Pretrain, Artefact)
    document = models_json_schema(
        [(model, "validation") for model in (*FILES.values(), *overridable)], schema_generator=_Untitled
    )[1]
    schemas: dict[str, Schema] = document["$defs"]
    for model in overridable:
        schemas[model.__name__ + DIFFERENCES] = _partial(schemas[model.__name__])
    recipe = schemas[Finetune.__name__ + DIFFERENCES]["properties"]
    recipe["lr"] = {**recipe["lr"], "anyOf": [*recipe["lr"]["anyOf"], MULTIPLE]}
    recipe["preset"] = {"type": "string", "description": "named set of keys, of `presets` in config.yaml"}
    return {key: _completed(definition) for key, definition in schemas.items()}


def _partial(node: Any) -> Any:
    """The schema with every key optional, and null allowed for any value of a map."""
    if isinstance(node, list):
        return [_partial(part) for part in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _partial(value) for key, value in node.items() if key != "required"}
    for key in ("properties", "patternProperties"):
        if key in inner:
            inner[key] = {name: _nullable(value) for name, value in inner[key].items()}
    if isinstance(inner.get("additionalProperties"), dict):
        inner["additionalProperties"] = _nullable(inner["additionalProperties"])
    return inner


def _nullable(node: Schema) -> Schema:
    options = node.get("anyOf", [{key: value for key, value in node.items() if key not in ("default", "description")}])
    null = [] if {"type": "null"} in options else [{"type": "null"}]
    return {"anyOf": [*options, *null], **_annotations(node)}


def _annotations(node: Schema) -> Schema:
    return {key: node[key] for key in ("default", "description") if key in node}


def _completed(node: Any) -> Any:
    """The schema with ``keys_of`` resolved to a reference; maps with a pattern of names allow no other names."""
    if isinstance(node, list):
        return [_completed(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "keys_of" in node:
        return {"$ref": f"#/$defs/{node['keys_of']}{DIFFERENCES}", **_annotations(node)}
    others = {"additionalProperties": False} if isinstance(node.get("patternProperties"), dict) else {}
    return {key: _completed(value) for key, value in node.items()} | others


def _reachable(root: Schema, schemas: dict[str, Schema]) -> set[str]:
    """Names of the definitions that a schema refers to, directly or indirectly."""
    reached: set[str] = set()
    queue = [root]
    while queue:
        for name in set(_references(queue.pop())) - reached:
            reached.add(name)
            queue.append(schemas[name])
    return reached


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
