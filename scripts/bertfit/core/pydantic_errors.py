"""Pydantic's errors in one line, with the nearest known name, and validation of the content of JSON files.

Apart from `config.validation`, which needs the YAML loader: most jobs read JSON alone, and depend on no YAML code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bertfit.core.errors import nearest, plain

Model = TypeVar("Model", bound=BaseModel)


def from_json(model: type[Model], value: Any) -> Model:
    """Validate the content of a JSON file. Raises `ValueError` in one line, as for a file that is not JSON."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValueError(problem(error.errors()[0], model)) from error


def problem(error: Any, model: type[BaseModel]) -> str:
    """Message for one of pydantic's errors, with the nearest name for an unknown key."""
    loc = [str(part) for part in error["loc"]]
    name = ".".join(map(plain, loc)) or model.__name__
    if error["type"] == "extra_forbidden":
        return f"unknown key {loc[-1]!r} ({name}){nearest(loc[-1], _fields(model, loc[:-1]))}"
    if error["type"] == "missing":
        return f"{name} is missing"
    given = "" if isinstance(error["input"], Mapping) else f" = {error['input']!r}"
    return f"{name}{given}: {error['msg']}"


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    """Field names of the model at ``path`` below ``model``; keys of maps and positions of lists are skipped."""
    current: type[BaseModel] = model
    for part in path:
        if part in current.model_fields:
            models = [inner for inner in _inner(current.model_fields[part].annotation) if _is_model(inner)]
            current = models[0] if models else current
    return list(current.model_fields)


def _inner(annotation: Any) -> list[Any]:
    return [annotation, *(deeper for argument in get_args(annotation) for deeper in _inner(argument))]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
