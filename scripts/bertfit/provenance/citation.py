"""``CITATION.cff``: title, version, licence and authors of the workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json

NAME = "CITATION.cff"


class _Cited(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Author(_Cited):
    """A person, by family and given names, or a group of people, by ``name``."""

    name: str | None = None
    family: str | None = Field(None, alias="family-names")
    given: str | None = Field(None, alias="given-names")
    orcid: str | None = None

    @property
    def person(self) -> bool:
        """Whether it is a person."""
        return self.name is None

    @property
    def label(self) -> str:
        """The name as it is written."""
        return self.name or " ".join(filter(None, (self.given, self.family)))


class Citation(_Cited):
    """What is read of the file; ``repository``: address of the code, if there is one."""

    title: str
    version: str
    license: str
    authors: list[Author] = Field(min_length=1)
    abstract: str | None = None
    repository: str | None = Field(None, alias="repository-code")
    keywords: list[str] = []


def read(path: Path) -> Citation:
    """Read the file. Raises `UserError` where it is missing, or has no title, version, licence or authors."""
    content: Any = yaml_loader.load(path).value
    try:
        return from_json(Citation, content)
    except ValueError as error:
        raise UserError(f"{path}: {error}; see https://citation-file-format.github.io") from error
