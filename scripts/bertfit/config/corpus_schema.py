"""Schema of labelled corpora: what they hold, and where their rows come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bertfit.config.layout_schema import Layout, Replacement, Spec, TextForm
from bertfit.core import installed_packages

Domain = Literal["sentiment", "question", "topic"]
FileFormat = Literal["auto", "parquet", "csv", "tsv", "jsonl", "trec", "zhang"]
Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Copy(Spec):
    """A copy of a corpus. Values given here replace those of the corpus if this copy is read."""

    title: str | None = Field(None, description="name of this copy in tables")
    note: str | None = Field(None, description="how this copy differs, for the report")
    rows: dict[Literal["train", "test"], int] | None = Field(None, description="expected rows of this copy, by split")
    classes: int | None = Field(None, ge=2, description="expected classes of this copy")
    layout: Layout | None = Field(None, description="fields, text, pair and lines of this copy; replaces all four")
    first_label: Literal[0, 1] = Field(0, description="number of the first class, where labels are numbers")
    columns: dict[str, str | int] = Field(
        {"text": "text"}, description="field -> column name (position from 0 in a headerless file)"
    )
    label: str | int = Field("label", description="column of the label")
    label_names: list[str] | None = Field(
        None, description="class names in order; default: those the file declares, else the sorted values"
    )
    multilabel: str | None = Field(
        None,
        min_length=1,
        description="the texts have several labels, or none: what separates them in a cell (`;`), or `json` where "
        "cells are JSON lists; columns of lists (JSONL, Parquet) are read with either; default: one label a text",
    )
    group: str | int | None = Field(
        None,
        description="column whose value says which rows belong together (author, product, thread): they are one "
        "cluster of the test split, and a test split held out of `train` takes whole groups; default: none",
    )
    time: str | int | None = Field(
        None,
        description="column of ISO dates, timestamps or numbers: a test split held out of `train` is its last rows in "
        "time, equal times on one side; `group` then only decides the clusters of the test split; default: none",
    )
    clean: list[Replacement] = Field(
        [], description="replacements in every text field of both splits, one after the other, before all else"
    )
    drop_leaks: bool = Field(False, description="leave out training rows whose text is also in the test split")
    stand_in: bool = Field(
        False, description="these are not the rows that the paper has: a part of them, or other ones of the same kind"
    )

    @model_validator(mode="after")
    def _distinct_labels(self) -> Self:
        names = self.label_names or []
        if len(set(names)) < len(names) or any(not name or name != name.strip() for name in names):
            raise ValueError("label_names are different texts without blanks around them")
        return self


class LocalSource(Copy):
    """Files below the study's data folder (or absolute paths)."""

    train: str = Field(description="file of the training split")
    test: str | None = Field(
        None, description="file of the test split; default: a share `held_out` of the rows of `train`"
    )
    held_out: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="share of the distinct texts that becomes the test split, by class, seeded; with `time`: of the "
        "rows, the last ones",
    )
    format: FileFormat = Field(
        "auto",
        description="auto: by the file's ending; trec: lines `LABEL:fine text`; zhang: CSV without header, "
        "class 1 to n, then the texts",
    )
    licence: str = Field(
        "see the owner of the files", description="terms of use; `yours`: the report may show texts of it"
    )

    where: dict[str, str | int | bool] = Field(
        {}, description="column -> value: only rows that have these values are read; default: all rows"
    )

    @property
    def paths(self) -> dict[str, str]:
        """The files by split; without a test file the training split alone."""
        return {"train": self.train} | ({"test": self.test} if self.test else {})


class PackageSource(LocalSource):
    """Files inside an installed Python package, which are read where they are. Nothing of the package is run."""

    package: str = Field(pattern=r"^[A-Za-z_]\w*$", description="name that the package is imported by")
    requirement: str = Field(
        pattern=r"^\w[\w.-]*==\w[\w.+!-]*$", description="what pip installs, name==version; another version is an error"
    )

    @model_validator(mode="after")
    def _inside(self) -> Self:
        for path in map(PurePosixPath, self.paths.values()):
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} is not a path inside the package; give one that begins in its folder")
        return self


class HubSource(Copy):
    """A data set on the Hugging Face hub (Parquet or plain files; scripts are never run)."""

    dataset: str = Field(description="data set id on the hub")
    config: str | None = Field(None, description="its configuration, where it has several")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit of the data set repository")
    data_files: dict[str, str] | None = Field(
        None, description="split -> file in the repository; default: what datasets.load_dataset finds"
    )
    format: FileFormat = Field("auto", description="format of data_files")
    undouble_quotes: bool = Field(False, description='replace "" by " (the hub copy of Yelp P. keeps them doubled)')
    licence: str = Field("see the data set's card", description="terms of use, for the report")


class SyntheticSource(Spec):
    """A generated corpus of the synthetic benchmark."""

    corpus: str = Field(description="name of the generated corpus")
    seed: Seed = Field(1, description="random seed of the generator")


class PartSource(Spec):
    """The training split of another corpus, divided: a part to train on, and validation data as the test split."""

    corpus: str = Field(description="the corpus whose training split is divided; its test split is not read")
    held_out: float = Field(0.2, gt=0, lt=1, description="share of the rows that becomes the test split, as in `local`")


SourceKind = Literal["synthetic", "part_of", "local", "package", "hub"]


class Source(Spec):
    """Where a corpus comes from: ``synthetic``, else ``part_of`` another, else ``local`` files if they exist, else a
    ``package`` if it is installed, else the ``hub``. At least one.
    """

    synthetic: SyntheticSource | None = Field(None, description="generated corpus")
    part_of: PartSource | None = Field(None, description="a part of the training split of another corpus")
    local: LocalSource | None = Field(None, description="files on this machine")
    package: PackageSource | None = Field(None, description="files of an installed Python package")
    hub: HubSource | None = Field(None, description="data set on the hub")
    unavailable: str | None = Field(None, description="why it is unavailable; shown in its cells if no source is")

    @model_validator(mode="after")
    def _at_least_one(self) -> Source:
        if not (self.synthetic or self.part_of or self.local or self.package or self.hub or self.unavailable):
            raise ValueError("give at least one of synthetic, part_of, local, package, hub, unavailable")
        for copy in (self.local, self.package, self.hub):
            if copy and getattr(copy, "where", None) and copy.format in ("trec", "zhang"):
                raise ValueError(
                    f"files of the format {copy.format} have no names of columns for `where`; leave it out"
                )
            if copy and copy.label in copy.columns.values():
                raise ValueError(f"`columns` name {copy.label!r}, the column of the label: it would be read as a text")
            if copy and copy.multilabel and copy.format in ("trec", "zhang"):
                raise ValueError(f"files of the format {copy.format} have one label a text: leave out `multilabel`")
            for key in ("group", "time"):
                column = getattr(copy, key, None)
                if copy and column is not None:
                    if copy.format == "trec":
                        raise ValueError(f"files of the format trec have no column for `{key}`; leave it out")
                    if column in (copy.label, *copy.columns.values()):
                        raise ValueError(f"`{key}` names {column!r}, a column of the label or of a text; name another")
        return self

    @property
    def from_files(self) -> LocalSource | None:
        """The source whose rows are in files that exist on this machine: ``local``, else ``package``."""
        return self.local or self.package

    def pick(self, data: Path | None) -> SourceKind | None:
        """The source in use: ``synthetic``, else ``part_of``, else local files that exist below ``data``, else a
        package that is installed, else the hub, else None.
        """
        return self.pick_from(self.files(data))

    def pick_from(self, files: Mapping[str, Path]) -> SourceKind | None:
        """As `pick`, from the paths that `files` returns (split -> file)."""
        if self.synthetic:
            return "synthetic"
        if self.part_of:
            return "part_of"
        if self.local and files.keys() >= self.local.paths.keys() and all(path.is_file() for path in files.values()):
            return "local"
        if self.package and installed_packages.folder(self.package.package):
            return "package"
        return "hub" if self.hub else None

    def files(self, data: Path | None) -> dict[str, Path]:
        """Split -> local file, below ``data`` or with an absolute path; without ``data`` only the absolute ones.

        Without a local source those of an installed package.
        """
        if self.package and not self.local:
            data = installed_packages.folder(self.package.package)
        paths = {split: Path(path) for split, path in self.from_files.paths.items()} if self.from_files else {}
        return {split: (data or path) / path for split, path in paths.items() if data or path.is_absolute()}

    @property
    def reason(self) -> str:
        """Why the corpus is unavailable, for its cells, where no source can be read."""
        no_files = "its files are not in the data folder (--config data=FOLDER or BERTFIT_DATA)"
        if self.unavailable or not self.package:
            return self.unavailable or no_files
        name, cure = self.package.requirement.partition("==")[0], self.package.requirement
        no_package = f"the package {name} is not installed ({installed_packages.install_command(cure)})"
        return f"{no_files}, and {no_package}" if self.local else no_package


class Corpus(TextForm):
    """A labelled text-classification data set."""

    title: str = Field(description="name in tables")
    domain: Domain = Field(description="domain, whose corpora are pre-trained on together (section 5.4.2)")
    rows: dict[Literal["train", "test"], int] | None = Field(None, description="expected rows by split, checked")
    classes: int | None = Field(None, ge=2, description="expected number of classes, checked")
    seeds: list[Seed] | None = Field(None, description="seeds of runs on it; default: the study's")
    encoder: str | None = Field(None, description="base encoder of runs on it; default: the study's `base`")
    overlaps: list[str] = Field([], description="corpora whose test texts are left out of its pre-training text")
    further: list[str] = Field(
        [], description="unlabelled texts that the mix `own` adds to its text in further pre-training"
    )
    in_mixes: bool = Field(
        True,
        description="whether it is in the derived mixes `all` and `all_<domain>`; false: only in mixes that name it",
    )
    source: Source = Field(description="where its rows come from")
    note: str | None = Field(None, description="a note for readers of the report")

    def of(self, kind: SourceKind) -> Corpus:
        """The corpus with source ``kind`` as its only one, and the title, note, rows and layout of that copy."""
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

    dataset: str = Field(description="data set id on the hub")
    config: str | None = Field(None, description="its configuration, where it has several")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$", description="commit of the data set repository")
    data_files: dict[Literal["train", "test"], str] | None = Field(
        None, description="split -> file in the repository; default: what datasets.load_dataset finds"
    )
    field: str = Field("text", description="column of the text")


class Text(Spec):
    """Unlabelled text, from the synthetic benchmark, the hub, tables, or files in the official pre-training format.

    The official format is a line a sentence, and an empty line after each document.
    """

    synthetic: SyntheticSource | None = Field(None, description="generated text")
    hub: HubText | None = Field(None, description="data set on the hub")
    path: str | None = Field(None, description="file of the training split")
    column: str | int | None = Field(
        None, description="column of the text, where files are tables (CSV, TSV, JSONL, Parquet); a row is a document"
    )
    test: str | None = Field(None, description="file of a held-out split")

    @model_validator(mode="after")
    def _exactly_one(self) -> Text:
        given = [bool(self.synthetic), bool(self.hub), bool(self.path or self.test)]
        if sum(given) != 1:
            raise ValueError("give one of synthetic, hub, or files (path, test)")
        return self
