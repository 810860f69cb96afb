"""JSON schemas of ``config.yaml``, of study files and of ``paper/claims.yaml``, for editors that check and complete.

Made from the pydantic models; `config_reference` writes them as Markdown, too.
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

Schema = dict[str, Any]
DIFFERENCES = "Differences"  # of Finetune, Pretrain, Artefact: definitions in which every key is optional
MULTIPLE = {"type": "string", "pattern": r"^x\d+(\.\d+)?$"}  # of the study's learning rate


class ConfigFile(Spec):
    """What the paper's tables and figures are made of. The same for every study."""

    study: str = Field("miniature", description="the study that runs without --config study=")
    corpora: list[str] = Field([], description="the paper's corpora, in its order (section 5.1)")
    finetune: FinetuneKeys = Field({}, description="the paper's recipe of fine-tuning (section 5.2)")
    presets: dict[str, FinetuneKeys] = Field({}, description="named sets of keys, for `recipe: {preset: NAME}`")
    pretrain: PretrainKeys = Field({}, description="the paper's pre-training (section 5.2)")
    mixes: dict[Name, Mix] = Field({}, description="mixes beside those that follow from the corpora (section 5.4.2)")
    multitask: dict[Name, Multitask] = Field(
        {}, description="groups of corpora that are trained together (section 5.5)"
    )
    artefacts: dict[Name, Artefact] = Field({}, description="tables and figures by name")


class StudyFile(Study):
    """The setting that the experiments run in: corpora, base encoders, sizes."""

    extends: str | None = Field(None, description="study that this one is laid over")


FILES: dict[str, type[BaseModel]] = {"config": ConfigFile, "study": StudyFile, "claims": Claims}
"""Name of a schema -> the model of the file that it describes"""


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which would repeat its key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(name: str) -> Schema:
    """JSON schema of one of `FILES`. In a study each key may be left out, or null: it can stand in another file."""
    found = definitions()
    if name == "study":
        found = {key: _partial(definition) for key, definition in found.items()}
    root = found.pop(FILES[name].__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": {key: found[key] for key in sorted(_reachable(root, found))},
    }


def definitions() -> dict[str, Schema]:
    """JSON schema of every model by its name, and of the differences from `Finetune`, `Pretrain` and `Artefact`."""
    laid_over: tuple[type[BaseModel], ...] = (Finetune, Pretrain, Artefact)
    document = models_json_schema(
        [(model, "validation") for model in (*FILES.values(), *laid_over)], schema_generator=_Untitled
    )[1]
    found: dict[str, Schema] = document["$defs"]
    for model in laid_over:
        found[model.__name__ + DIFFERENCES] = _partial(found[model.__name__])
    recipe = found[Finetune.__name__ + DIFFERENCES]["properties"]
    recipe["lr"] = {**recipe["lr"], "anyOf": [*recipe["lr"]["anyOf"], MULTIPLE]}
    recipe["preset"] = {"type": "string", "description": "named set of keys, of `presets` in config.yaml"}
    return {key: _completed(definition) for key, definition in found.items()}


def _partial(node: Any) -> Any:
    """The same schema with every key optional, and null in place of any value of a map."""
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
    """``keys_of`` as a reference to the differences of that model; a map with a pattern of names has no other names."""
    if isinstance(node, list):
        return [_completed(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "keys_of" in node:
        return {"$ref": f"#/$defs/{node['keys_of']}{DIFFERENCES}", **_annotations(node)}
    others = {"additionalProperties": False} if isinstance(node.get("patternProperties"), dict) else {}
    return {key: _completed(value) for key, value in node.items()} | others


def _reachable(root: Schema, found: dict[str, Schema]) -> set[str]:
    """Names of the definitions that a schema refers to, directly or not."""
    reached: set[str] = set()
    waiting = [root]
    while waiting:
        for name in set(_references(waiting.pop())) - reached:
            reached.add(name)
            waiting.append(found[name])
    return reached


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
