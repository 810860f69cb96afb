"""What can be said of a corpus: its fields, how they become texts, and where its rows come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Domain = Literal["sentiment", "question", "topic"]
FileFormat = Literal["auto", "parquet", "csv", "tsv", "jsonl", "trec", "zhang"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Spec(BaseModel):
    """Base of all: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Join(Spec):
    """How fields become one text: the non-empty ones, in this order, with ``separator`` between them."""

    fields: list[str] = Field(min_length=1)
    separator: str = " "


class Layout(Spec):
    """Which fields a corpus has, and how they become texts."""

    fields: list[str] = ["text"]
    text: Join = Join(fields=["text"])
    pair: Join | None = Field(None, description="second segment, for question pairs")
    lines: list[str] = Field([], description="fields that are one line of a pre-training document (titles)")

    @model_validator(mode="after")
    def _declared(self) -> Layout:
        if "label" in self.fields or len(set(self.fields)) < len(self.fields):
            raise ValueError("fields have different names, and none is called label")
        for name in [*self.text.fields, *(self.pair.fields if self.pair else []), *self.lines]:
            if name not in self.fields:
                raise ValueError(f"text, pair or lines name the field {name!r}; fields are {', '.join(self.fields)}")
        return self


class TextForm(Layout):
    """All that the way from fields to texts and sentences depends on."""

    language: Literal["en", "zh"] = "en"
    pipeline: str | None = Field(
        None, description="installed spaCy pipeline that splits English sentences; where it is not installed: rules"
    )


class Copy(Spec):
    """One copy of a corpus; what is given here holds instead of the corpus's own, while this copy is read."""

    title: str | None = None
    note: str | None = None
    rows: dict[Literal["train", "test"], int] | None = Field(None, description="expected rows of this copy")
    classes: int | None = Field(None, ge=2, description="expected classes of this copy")
    layout: Layout | None = Field(None, description="fields, text, pair and lines of this copy, all four of them")
    first_label: Literal[0, 1] = Field(0, description="number of the first class, where labels are numbers")
    columns: dict[str, str | int] = Field(
        {"text": "text"}, description="field -> column name (position from 0 in a headerless file)"
    )
    label: str | int = Field("label", description="column of the label")
    label_names: list[str] | None = Field(
        None, description="class names in order; default: those the file declares, else the sorted values"
    )
    drop_leaks: bool = Field(False, description="leave out training rows whose text is in the test split, too")

    @model_validator(mode="after")
    def _labels(self) -> Self:
        names = self.label_names or []
        if len(set(names)) < len(names) or any(not name or name != name.strip() for name in names):
            raise ValueError("label_names are different texts without blanks around them")
        return self


class LocalSource(Copy):
    """Files below the study's data folder (or absolute paths)."""

    train: str = Field(description="path of the training split")
    test: str | None = Field(None, description="path of the test split; default: `held_out` of the rows of `train`")
    held_out: float = Field(0.2, gt=0, lt=1, description="share of the distinct texts, stratified and seeded")
    format: FileFormat = Field(
        "auto",
        description="auto: by the ending; trec: raw 'LABEL:fine text' lines; zhang: headerless csv, class 1..n, texts",
    )
    licence: str = "see the owner of the files"

    @property
    def paths(self) -> dict[str, str]:
        """The files by split; without a test file the training split alone."""
        return {"train": self.train} | ({"test": self.test} if self.test else {})


class HubSource(Copy):
    """A data set on the Hugging Face hub (Parquet or plain files; scripts are never run)."""

    dataset: str
    config: str | None = None
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit of the data set repository")
    data_files: dict[str, str] | None = Field(
        None, description="split -> file in the repository; default: what datasets.load_dataset finds"
    )
    format: FileFormat = Field("auto", description="format of data_files")
    undouble_quotes: bool = Field(False, description='replace "" by " (the hub copy of Yelp P. keeps them doubled)')
    licence: str = "see the data set's card"


class WorldSource(Spec):
    """A corpus of the generated miniature world (see ``synthetic.py``)."""

    corpus: str
    seed: Seed = 1


class Source(Spec):
    """Where a corpus comes from. ``local`` is used when a data folder is configured, else ``hub``."""

    world: WorldSource | None = None
    local: LocalSource | None = None
    hub: HubSource | None = None
    unavailable: str | None = Field(None, description="why it cannot be had; its cells read 'not available'")

    @model_validator(mode="after")
    def _one(self) -> Source:
        if not (self.world or self.local or self.hub or self.unavailable):
            raise ValueError("give at least one of world, local, hub, unavailable")
        for copy in (self.local, self.hub):
            if copy and copy.label in copy.columns.values():
                raise ValueError(f"`columns` name {copy.label!r}, the column of the label: it would be read as a text")
        return self

    def pick(self, data: Path | None) -> Literal["world", "local", "hub"] | None:
        """The source in use: the world; else local files that are there below ``data``; else the hub; else none."""
        return self.pick_from(self.files(data))

    def pick_from(self, files: Mapping[str, Path]) -> Literal["world", "local", "hub"] | None:
        """The same, of local files by split (`files`)."""
        if self.world:
            return "world"
        if self.local and files.keys() >= self.local.paths.keys() and all(path.is_file() for path in files.values()):
            return "local"
        return "hub" if self.hub else None

    def files(self, data: Path | None) -> dict[str, Path]:
        """Split -> local file below ``data``, or with an absolute path; without ``data`` those with one alone."""
        paths = {split: Path(path) for split, path in self.local.paths.items()} if self.local else {}
        return {split: (data or path) / path for split, path in paths.items() if data or path.is_absolute()}


class Corpus(TextForm):
    """A labelled text-classification data set."""

    title: str = Field(description="name shown in tables")
    domain: Domain
    rows: dict[Literal["train", "test"], int] | None = Field(None, description="expected rows, checked")
    classes: int | None = Field(None, ge=2, description="expected number of classes, checked")
    seeds: list[Seed] | None = Field(None, description="of runs on it, instead of the study's")
    encoder: str | None = Field(None, description="base encoder for this corpus where it is not the study's")
    overlaps: list[str] = Field([], description="corpora whose test texts are dropped from it before pre-training")
    source: Source
    note: str | None = None

    def of(self, kind: Literal["world", "local", "hub"]) -> Corpus:
        """The corpus as this source has it: that source only, and the title, note, rows and layout of that copy."""
        copy = getattr(self.source, kind)
        own = {
            key: getattr(copy, key)
            for key in ("title", "note", "rows", "classes")
            if getattr(copy, key, None) is not None
        }
        layout = getattr(copy, "layout", None)
        if layout:
            own |= {key: getattr(layout, key) for key in Layout.model_fields}
        return self.model_copy(update=own | {"source": Source.model_validate({kind: copy})})


class HubText(Spec):
    """Unlabelled English text on the Hugging Face hub: a document a row, but for empty rows and wiki headings."""

    dataset: str
    config: str | None = None
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit of the data set repository")
    data_files: dict[Literal["train", "test"], str] | None = Field(
        None, description="split -> file in the repository; default: what datasets.load_dataset finds"
    )
    field: str = Field("text", description="column of the text")


class Text(Spec):
    """Unlabelled text, from the generated world, the hub, tables, or files in the official pre-training format.

    The official format is a line a sentence, and an empty line after each document.
    """

    world: WorldSource | None = None
    hub: HubText | None = None
    path: str | None = Field(None, description="file of the training split")
    column: str | int | None = Field(None, description="files are CSV, TSV, JSONL or Parquet, a document a row, there")
    test: str | None = Field(None, description="file of a held-out split")

    @model_validator(mode="after")
    def _one(self) -> Text:
        given = [bool(self.world), bool(self.hub), bool(self.path or self.test)]
        if sum(given) != 1:
            raise ValueError("give one of world, hub, or files (path, test)")
        return self
