"""Base of all schemas, and how the fields of a row become texts."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal["en", "zh", "auto"]


class Spec(BaseModel):
    """Base of all schemas and job specifications: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Join(Spec):
    """How fields become one text: the non-empty ones, in this order, with ``separator`` between them."""

    fields: list[str] = Field(min_length=1, description="fields that are joined, in this order")
    separator: str = Field(" ", description="text between two fields")


class Layout(Spec):
    """Which fields a corpus has, and how they become texts."""

    fields: list[str] = Field(["text"], description="text fields of a row; none is called label or begins with @")
    text: Join = Field(Join(fields=["text"]), description="how fields become the text that is classified")
    pair: Join | None = Field(
        None, description="how fields become a second segment (question and answer); default: none"
    )
    lines: list[str] = Field(
        [], description="fields that are a sentence of a pre-training document as they are (titles)"
    )

    @model_validator(mode="after")
    def _fields_declared(self) -> Layout:
        reserved = [name for name in self.fields if name == "label" or name.startswith("@")]
        if reserved or len(set(self.fields)) < len(self.fields):
            raise ValueError("fields have different names, and none is called label or begins with @")
        for name in [*self.text.fields, *(self.pair.fields if self.pair else []), *self.lines]:
            if name not in self.fields:
                raise ValueError(f"text, pair or lines name the field {name!r}; fields are {', '.join(self.fields)}")
        return self


class TextForm(Layout):
    """How the fields of a row become the texts that are classified and the sentences of pre-training text."""

    language: Language = Field(
        "en",
        description="decides how sentences and words are split, and which mixes hold it; zh: no spaces between words; "
        "auto: as the writing system of the texts says",
    )
    pipeline: str | None = Field(
        None, description="spaCy pipeline that splits English sentences; default, and where not installed: rules"
    )


class Replacement(Spec):
    """A regular expression, and the text that takes the place of each of its matches."""

    replace: str = Field(description="regular expression of Python's `re`; it may not match the empty text")
    by: str = Field(" ", description="text in place of each match, as it is (no group references)")

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            pattern = re.compile(self.replace)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{self.replace!r} is not a regular expression: {error}") from None
        if pattern.search(""):
            raise ValueError(f"{self.replace!r} matches the empty text, so it would insert {self.by!r} everywhere")
        return self
