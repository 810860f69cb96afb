"""``card.json``, the record of a corpus that `corpora` writes: source, licence, counts, digests.

The order of the fields is that of the file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from bertfit.config.corpus_schema import Domain, Split
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_json
from bertfit.core.pydantic_errors import from_json


class _Recorded(BaseModel):
    """Base of the parts: frozen; entries that are not declared are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SourceFile(_Recorded):
    """A local file, named as in the study, and its digest."""

    path: str
    sha256: str


class LocalOrigin(_Recorded):
    """Local files; ``held_out``: share of the rows that became the test split, only where that has no file.

    ``where``: column -> value of the rows that were read, only where they are not all.
    """

    kind: Literal["local"]
    files: dict[Split, SourceFile]
    held_out: float | None = None
    where: dict[str, str | int | bool] = {}


class PackageOrigin(_Recorded):
    """Files inside an installed Python package. ``package``: name on PyPI; ``licence``: that of its metadata.

    ``where``, ``held_out``: as in `LocalOrigin`. The terms of the texts are ``licence`` of the card.
    """

    kind: Literal["package"]
    package: str
    version: str
    licence: str | None
    files: dict[Split, SourceFile]
    held_out: float | None = None
    where: dict[str, str | int | bool] = {}


class HubOrigin(_Recorded):
    """A data set on the Hugging Face hub at a commit."""

    kind: Literal["hub"]
    dataset: str
    config: str | None = None
    revision: str
    data_files: dict[str, str] | None = None


class SyntheticOrigin(_Recorded):
    """A generated corpus of the synthetic benchmark."""

    kind: Literal["synthetic"]
    corpus: str
    seed: int


class PartOrigin(_Recorded):
    """A part of the training split of another corpus; ``held_out``: share of the rows that is the test split."""

    kind: Literal["part_of"]
    corpus: str
    held_out: float


Origin = Annotated[LocalOrigin | PackageOrigin | HubOrigin | SyntheticOrigin | PartOrigin, Field(discriminator="kind")]


class Cleaned(_Recorded):
    """A rule of ``clean`` in the source, and the rows of each file of the source that it changed."""

    replace: str
    by: str
    rows: dict[Split, int]


class Sampled(_Recorded):
    """Rows of a split that were kept of all its rows."""

    kept: int
    of: int


class SplitCounts(_Recorded):
    """A split: its rows, rows of each class, rows without text, digest of the rows (`digest`).

    ``no_label``: rows without a label, where a text may have several or none.
    """

    rows: int
    classes: dict[str, int]
    no_label: int | None = None
    empty: int
    sha256: str


class ClusterFacts(_Recorded):
    """Clusters of test texts (`find_clusters`), and test texts that are not independent of the training split."""

    clusters: int
    """number of clusters; a text alone is one"""
    largest: int
    """texts of the largest cluster"""
    texts: int
    """test texts in clusters of two or more"""
    near_duplicates: int
    """test texts that have a near-duplicate among the test texts"""
    near_duplicates_in_train: int
    """test texts that have a near-duplicate in the training split"""
    group: str | int | None
    """the declared group column; None if there is none, and clusters are near-duplicates alone"""
    texts_of_train_groups: int | None
    """test texts whose group has training texts; None without a group column"""


class TimeSplit(_Recorded):
    """A test split of the last rows in time: the column of the times, and the first time of the test split."""

    column: str | int
    first: str


class CorpusCard(_Recorded):
    """A corpus as it was built."""

    corpus: str
    language: str
    """as declared; for ``auto`` the language that was found (ISO 639), or ``undetermined``"""
    title: str
    domain: Domain
    note: str | None
    stand_in: bool = False
    """declared: not the rows that the paper has"""
    source: Origin
    licence: str
    sampled: dict[Split, Sampled] | None
    """the splits of which a sample was kept"""
    cleaned: list[Cleaned] = []
    """what was replaced in the texts, in this order, before rows were held out, dropped or sampled"""
    by_time: TimeSplit | None = None
    """None where the test split was not held out by time"""
    leaks_dropped: int | None
    """training rows left out because the test split has the same text; None if none are to be"""
    fields: list[str]
    label_names: list[str]
    splits: dict[Split, SplitCounts]
    duplicates_in_train: int
    test_texts_in_train: int
    label_sets: int | None = None
    """different sets of classes, where a text may have several; None where each has one"""
    texts_of_several_labels: int
    """repeated texts with different labels, or sets of labels"""
    clusters: ClusterFacts | None = None
    """None in cards written before clusters were"""
    versions: dict[str, str] = {}
    """of bertfit alone, so that a card is the same on all machines; empty in cards before 0.2.0"""

    @property
    def held_out(self) -> float | None:
        """Share of the rows, or of the distinct texts, that became the test split; None where that has a file."""
        return self.source.held_out if isinstance(self.source, LocalOrigin | PackageOrigin) else None

    @property
    def where(self) -> dict[str, str | int | bool]:
        """Column -> value of the rows that were read of the files; empty where they are all."""
        return self.source.where if isinstance(self.source, LocalOrigin | PackageOrigin) else {}

    @property
    def has_the_papers_rows(self) -> bool:
        """Whether it is declared to be a corpus of the paper, complete: not generated, no stand-in, no sample."""
        return not (self.stand_in or self.sampled or self.source.kind == "synthetic")


def write(card: CorpusCard, path: Path) -> None:
    """Write a card, with the entries that were given: no ``cleaned`` where the source declares no cleaning."""
    write_json(path, card.model_dump(mode="json", exclude_unset=True))


def read(path: Path) -> CorpusCard:
    """Read a card. Raises `UserError` if it is missing or damaged."""
    try:
        return from_json(CorpusCard, read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the card of a corpus ({error}); delete its folder and run again") from error


def digest(table: pa.Table) -> str:
    """SHA-256 of the rows, independent of the file format: of each column its name, its number of rows, its values.

    Counts and lengths are 8-byte little-endian integers, labels 4-byte ones, texts UTF-8 behind all their lengths.
    """
    sha = hashlib.sha256()
    for column in table.column_names:
        name = column.encode()
        sha.update(len(name).to_bytes(8, "little") + name + table.num_rows.to_bytes(8, "little"))
        if pa.types.is_integer(table[column].type):
            sha.update(table[column].to_numpy().astype("<i4").tobytes())
            continue
        texts = table[column].cast(pa.binary())
        sha.update(pc.binary_length(texts).to_numpy().astype("<u8").tobytes())
        for chunk in texts.chunks:
            sha.update(b"".join(chunk.to_pylist()))
    return sha.hexdigest()
