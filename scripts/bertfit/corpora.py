"""Rows of any source -> normalised Parquet, and a card that says what they are.

A split has one string column per field, never null, and ``label`` (int32, 0-based). Its schema metadata hold
``label_names`` and ``fields`` (JSON lists).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import files, hub, localfiles
from .errors import UserError, nearest
from .spec import Corpus, LocalSource

Kind = Literal["world", "local", "hub"]
SPLITS = ("train", "test")
SAMPLE_SEED = 20190514  # fixed: a sample is part of the study, not of a run
OFFICIAL = ("trec", "zhang")  # formats in which corpora were published: nobody should have to edit those files


def build(
    name: str,
    corpus: Corpus,
    *,
    data: Path | None,
    sample: Mapping[str, int] | None,
    train: Path,
    test: Path,
    card: Path,
) -> None:
    """Read the corpus from the source in use (`Source.pick`), check it, and write both splits and the card.

    ``sample`` is the number of rows to keep per split. Raises `UserError` if the corpus cannot be had, or is not what
    was declared: other row counts, missing or unknown labels, rows without text, fewer than two classes, a class that
    only the test split has.
    """
    kind = corpus.source.pick(data)
    if kind is None:
        raise UserError(f"corpus {name!r} is not available: {_missing(corpus, data)}")
    corpus = corpus.of(kind)
    whole = _labelled(name, corpus, kind, {split: _read(corpus, kind, data, split) for split in SPLITS}, data)
    tables = {split: _sampled(table, split, (sample or {}).get(split), name) for split, table in whole.items()}
    for split, path in zip(SPLITS, (train, test), strict=True):
        with files.atomic(path) as temporary:
            pq.write_table(tables[split], temporary, compression="zstd")
    kept = {split: {"kept": table.num_rows, "of": whole[split].num_rows}
            for split, table in tables.items() if table.num_rows < whole[split].num_rows}
    files.write_json(card, _card(name, corpus, kind, tables, data) | {"sampled": kept or None})


def digest(table: pa.Table) -> str:
    """SHA-256 of the rows, whatever file they are in: per column its name, the length of each text, the texts.

    Names, counts and lengths are 8-byte little-endian integers before UTF-8; labels are 4-byte integers.
    """
    sha = hashlib.sha256()
    for column in table.column_names:
        for part in (column.encode(), table.num_rows):
            sha.update((len(part) if isinstance(part, bytes) else part).to_bytes(8, "little"))
            sha.update(part if isinstance(part, bytes) else b"")
        if pa.types.is_integer(table[column].type):
            sha.update(table[column].to_numpy().astype("<i4").tobytes())
            continue
        texts = table[column].cast(pa.binary())
        sha.update(pc.binary_length(texts).to_numpy().astype("<u8").tobytes())
        for chunk in texts.chunks:
            sha.update(b"".join(chunk.to_pylist()))
    return sha.hexdigest()


def stratified(labels: npt.NDArray[np.integer], rows: int, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """Positions, ascending, of ``rows`` examples: of each class its share, and at least one.

    A function of its arguments only. What a class gives to a smaller sample is part of what it gives to a larger one.
    Raises `ValueError` if ``rows`` is less than the number of classes.
    """
    classes, counts = np.unique(labels, return_counts=True)
    spare = rows - len(classes)
    if spare < 0:
        raise ValueError(f"{rows} rows cannot hold {len(classes)} classes")
    if rows >= len(labels):
        return np.arange(len(labels))
    exact = spare * (counts - 1) / (len(labels) - len(classes))  # beyond the one that each class has
    quota = np.floor(exact).astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: spare - quota.sum()]] += 1  # largest remainders
    chosen = [
        np.random.default_rng([*seed, int(label)]).permutation(np.flatnonzero(labels == label))[: 1 + extra]
        for label, extra in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _missing(corpus: Corpus, data: Path | None) -> str:
    local = corpus.source.local
    if corpus.source.unavailable or not local:
        return corpus.source.unavailable or "it has no source"
    if data is None:
        return f"its files ({local.train}, {local.test}) need a data folder; give one with --config data=FOLDER"
    lost = [str(data / path) for path in (local.train, local.test) if not (data / path).is_file()]
    return f"no file {' and no '.join(lost)}; check --config data=FOLDER and the paths in the study"


def _read(corpus: Corpus, kind: Kind, data: Path | None, split: str) -> pa.Table:
    source = corpus.source
    if source.world:
        from . import world

        rows = world.read(source.world.corpus, split, source.world.seed)
        names = json.dumps(world.label_names(source.world.corpus), ensure_ascii=False)
        table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata({"label_names": names})
    elif source.local and kind == "local":
        table = localfiles.read(source.local, split, _path(source.local, data, split))
    elif source.hub:
        table = hub.read(source.hub, split)
    for field in corpus.fields:
        if field not in table.column_names:
            raise UserError(f"{_where(corpus, data, split)}: field {field!r} has no column{nearest(field, table.column_names)}; "
                            f"name its column under `columns` of the source")
    return table


def _path(local: LocalSource, data: Path | None, split: str) -> Path:
    return (data or Path()) / (local.train if split == "train" else local.test)


def _where(corpus: Corpus, data: Path | None, split: str) -> str:
    """What a message calls a split: its file, or its data set."""
    source = corpus.source
    if source.local:
        return str(_path(source.local, data, split))
    return f"{source.hub.dataset if source.hub else corpus.title} ({split})"


def _labelled(
    name: str, corpus: Corpus, kind: Kind, raw: Mapping[str, pa.Table], data: Path | None
) -> dict[str, pa.Table]:
    """Both splits in normalised form, checked."""
    source = corpus.source.local or corpus.source.hub
    given = source.label_names if source else None
    first = 1 if source and source.format == "zhang" else source.first_label if source else 0
    names = given or _declared(raw["train"]) or _values(raw["train"]["label"])
    tables = {}
    for split, table in raw.items():
        where = _where(corpus, data, split)
        expected = (corpus.rows or {}).get(split)  # type: ignore[call-overload]
        if source and expected is not None and expected != table.num_rows:
            raise UserError(f"{where}: {table.num_rows:,} rows, {expected:,} expected; copy or download the file again, or "
                            f"correct `rows` of corpus {name!r}")
        labels = _classes(table["label"], _declared(table) or names, first, where)
        labels = _renamed(labels, _declared(table), names, where)
        columns = {field: table[field].cast(pa.string()) for field in corpus.fields}
        blank = np.logical_and.reduce([_blank(column) for column in columns.values()])
        if blank.any() and kind == "local" and source and source.format not in OFFICIAL:
            raise UserError(f"{where}: row {int(blank.argmax()) + 1} has no text ({int(blank.sum())} such rows); "
                            f"fill or remove it")
        metadata = {"label_names": json.dumps(names, ensure_ascii=False), "fields": json.dumps(corpus.fields)}
        tables[split] = pa.table({**columns, "label": pa.array(labels, pa.int32())}).replace_schema_metadata(metadata)
    seen = {split: set(np.unique(table["label"].to_numpy()).tolist()) for split, table in tables.items()}
    if len(seen["train"]) < 2:
        raise UserError(f"{_where(corpus, data, 'train')}: one class only ({names[seen['train'].pop()]!r}); a classifier needs "
                        f"two or more: check `label` of corpus {name!r}")
    for label in sorted(seen["test"] - seen["train"]):
        raise UserError(f"{_where(corpus, data, 'test')}: class {names[label]!r} is not in the training split; remove its rows, "
                        f"or add training rows")
    return tables


def _declared(table: pa.Table) -> list[str] | None:
    names = (table.schema.metadata or {}).get(b"label_names")
    return json.loads(names) if names else None


def _values(column: pa.ChunkedArray) -> list[str]:
    """Class names where nobody gives any: the sorted values, numbers as numbers."""
    values = [str(value) for value in column.unique().to_pylist() if value is not None]
    numbers = all(value.isdecimal() for value in values)
    return sorted(values, key=lambda value: (int(value) if numbers else 0, value))


def _classes(column: pa.ChunkedArray, names: list[str], first: int, where: str) -> npt.NDArray[np.int32]:
    """Class numbers from what the source says: numbers count from ``first``; texts are names, or such numbers."""
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py() + 1
        raise UserError(f"{where}: row {row} has no label ({column.null_count} such rows); fill or remove it")
    values = column.unique().to_pylist()
    if all(isinstance(value, str) and value in names for value in values):
        numbers = {value: names.index(value) for value in values}
    else:
        numbers = {value: int(value) - first for value in values if str(value).isdecimal()}
    for value in values:
        if not 0 <= numbers.get(value, -1) < len(names):
            row = pc.index(column, pa.scalar(value, column.type)).as_py() + 1
            raise UserError(f"{where}: row {row} has the label {value!r}, which is no class{nearest(str(value), names)} "
                            f"(classes: {', '.join(names)}; numbers count from {first})")
    codes = pc.index_in(column, value_set=pa.array(values, column.type)).to_numpy()
    return np.array([numbers[value] for value in values], np.int32)[codes]


def _renamed(
    labels: npt.NDArray[np.int32], declared: list[str] | None, names: list[str], where: str
) -> npt.NDArray[np.int32]:
    """Class numbers in the order of ``names``, from numbers in the order that the file declares."""
    if declared is None or declared == names:
        return labels
    if set(declared) == set(names):
        return np.array([names.index(name) for name in declared], np.int32)[labels]
    if len(declared) == len(names):
        return labels
    raise UserError(f"{where}: declares {len(declared)} classes ({', '.join(declared)}), {len(names)} expected; correct "
                    f"label_names of the source")


def _blank(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy()


def _sampled(table: pa.Table, split: str, rows: int | None, name: str) -> pa.Table:
    if rows is None:
        return table
    try:
        kept = stratified(table["label"].to_numpy(), rows, [SAMPLE_SEED, SPLITS.index(split)])
    except ValueError as error:
        raise UserError(f"sample.{split} = {rows}: {error} (corpus {name!r}); ask for more rows") from error
    return table.take(pa.array(kept))


def _card(name: str, corpus: Corpus, kind: Kind, tables: Mapping[str, pa.Table], data: Path | None) -> dict[str, Any]:
    source = corpus.source
    origin: dict[str, Any] = {"kind": kind}
    if source.local:
        paths = {split: _path(source.local, data, split) for split in SPLITS}
        declared = {"train": source.local.train, "test": source.local.test}
        origin["files"] = {split: {"path": declared[split], "sha256": files.sha256(paths[split])} for split in SPLITS}
    elif source.hub:
        origin |= source.hub.model_dump(include={"dataset", "config", "revision", "data_files"})
    elif source.world:
        origin |= source.world.model_dump()
    names = _declared(tables["train"]) or []
    texts = {split: _texts(table, corpus.fields) for split, table in tables.items()}
    return {
        "corpus": name,
        "title": corpus.title,
        "domain": corpus.domain,
        "language": corpus.language,
        "source": origin,
        "licence": (source.local or source.hub).licence if source.local or source.hub else "generated",  # type: ignore[union-attr]
        "note": corpus.note,
        "fields": corpus.fields,
        "label_names": names,
        "splits": {
            split: {
                "rows": table.num_rows,
                "classes": dict(zip(names, np.bincount(table["label"].to_numpy(), minlength=len(names)).tolist(), strict=True)),
                "empty": int(np.logical_and.reduce([_blank(table[field]) for field in corpus.fields]).sum()),
                "sha256": digest(table),
            }
            for split, table in tables.items()
        },
        "duplicates_in_train": int(texts["train"].duplicated().sum()),
        "test_texts_in_train": int(texts["test"].isin(texts["train"]).sum()),
    }


def _texts(table: pa.Table, fields: Sequence[str]) -> pd.Series[str]:
    """One key per row, equal where all fields are."""
    return pc.binary_join_element_wise(*(table[field] for field in fields), "\x00").to_pandas()
