"""Rows of a corpus from the Hugging Face hub, at a pinned commit: Parquet and plain files, never scripts or pickles.

Downloads stay in the hub's cache (``HF_HOME``), so that a later call needs no network.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from bertfit.config.corpus_schema import HubSource, LocalSource
from bertfit.core import hub_download
from bertfit.core.errors import UserError, nearest
from bertfit.data import local_files

PATTERNS = ("README.md", "*.parquet")  # the README holds the split of each file, and the class names
REFUSED = {".py", ".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz"}


def read(source: HubSource, split: str) -> pa.Table:
    """All rows of a split, in the form of `local_files.read`, with the class names that the data set declares.

    Raises `UserError` where the download fails or the data set has no such data.
    """
    where = f"hub data set {source.dataset} at {source.revision[:7]} ({split})"
    with hub_download.explain_errors(where, "or put the files into a data folder (--config data=FOLDER)"):
        table = _files(source, split, where) if source.data_files else _dataset(source, split, where)
    if source.undouble_quotes:
        for position, field in enumerate(source.columns):
            table = table.set_column(position, field, pc.replace_substring(table[field], '""', '"'))
    return table


def _dataset(source: HubSource, split: str, where: str) -> pa.Table:
    folder = hub_download.snapshot(source.dataset, PATTERNS, revision=source.revision, kind="dataset")
    if not any(folder.rglob("*.parquet")):
        raise UserError(
            f"{where}: it holds no Parquet files, and scripts or pickles are never run or read; name plain files (csv, "
            "tsv, jsonl, parquet) in data_files"
        )
    import datasets  # takes seconds

    datasets.disable_progress_bars()
    rows = datasets.load_dataset(
        str(folder), source.config, split=split
    )  # verifies the number of rows against the README
    others = local_files.attributes(source, split)
    table = local_files.select(
        rows.with_format("arrow")[:], source.columns, source.label, where, others, multilabel=source.multilabel
    )
    classes = rows.features[str(source.label)]
    if isinstance(classes, datasets.ClassLabel):
        table = table.replace_schema_metadata({"label_names": json.dumps(classes.names, ensure_ascii=False)})
    return table


def _files(source: HubSource, split: str, where: str) -> pa.Table:
    files = source.data_files or {}
    if split not in files:
        raise UserError(f"{where}: data_files names no file for this split{nearest(split, files)}")
    if PurePosixPath(files[split]).suffix in REFUSED:
        raise UserError(f"{where}: {files[split]} is a script or pickle, which is never run or read; name another file")
    path = hub_download.fetch(source.dataset, files[split], revision=source.revision, kind="dataset")
    local = LocalSource.model_validate(
        {"train": str(path), "test": str(path)}
        | source.model_dump(include={"format", "columns", "label", "group", "time", "multilabel"})
    )
    return local_files.read(local, split, path)
