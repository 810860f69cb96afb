"""Validates a part of a YAML document with a pydantic model; errors name file, line and the nearest known name."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import Model, problem
from bertfit.core.yaml_loader import Document


def validate(model: type[Model], document: Document, keys: tuple[str, ...]) -> Model:
    """Validate the part of a document below ``keys``. Raises `UserError` with file, line and the nearest name."""
    value: Any = document.value
    for key in keys:
        value = value[key]
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = min(error.errors(), key=lambda details: details["type"] != "extra_forbidden")
        at = (*keys, *(part for part in first["loc"] if part != "[key]"))
        raise UserError(f"{document.where(at)}: {problem(first, model)}") from error
