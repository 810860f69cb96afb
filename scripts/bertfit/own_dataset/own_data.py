"""Your own dataset: turns ``--config data=... text=... label=...`` into the corpus and the sizes of a study.

Sizes are chosen for the machine and the file, of which the first `SAMPLED_ROWS` rows are read at every start of the
workflow; a job reads the whole file. Imports neither torch nor pandas, so that Snakemake starts fast.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bertfit.core import text_columns
from bertfit.core.errors import UserError, listed
from bertfit.core.row_readers import column_position, composed, explain_errors
from bertfit.core.yaml_loader import Document
from bertfit.encoders import encoder_folder, families
from bertfit.own_dataset import own_encoder, search_budget
from bertfit.own_dataset.search_budget import EncoderShape, SearchSizes
from bertfit.runtime import hardware

SWITCHES = {
    "text": "your own dataset: column of the texts",
    "label": "your own dataset: column of the labels",
    "group": "your own dataset: column that says which rows belong together (author, product, thread); a held-out test "
    "split takes whole groups, and tests of differences count a group once",
    "time": "your own dataset: column of dates, timestamps or numbers; the last fifth of the rows in time is the test "
    "split (default: a fifth is held out at random)",
    "multilabel": "your own dataset: what separates several labels of one text (such as ;), or json for JSON lists",
    "test": "your own dataset: file of the test split (default: a fifth of the distinct texts is held out, by class)",
    "unlabelled": "your own dataset: file of further texts for pre-training",
    "budget": "your own dataset: time that the search for the best classifier may take, such as 15m",
    "cores": "your own dataset: CPU cores that the search is sized for (default: those of this machine); for a cluster",
    "learning_curve": "your own dataset: yes also trains the winner on parts of the texts: what would more labels do",
    "encoder": "your own dataset: folder of a BERT, or hub id of one that a study pins (default: all-MiniLM-L6-v2)",
}
HOW = (
    "give your file and its columns: make classify DATA=reviews.csv TEXT=review LABEL=stars, or "
    "snakemake classify --config study={study} data=reviews.csv text=review label=stars"
)
LARGE = 4e7
"""weights of the layers, half of BERT-base's, from which the paper's rate is taken, and not that of the study"""
SAMPLED_ROWS = 1000
_WORD = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]")


@dataclass(frozen=True)
class FileSummary:
    """Estimated word pieces of each of the first texts of a file, and its number of rows."""

    lengths: list[int]
    rows: int


def apply_switches(document: Document, study: str, given: Mapping[str, Any], studies: Path) -> tuple[Document, str]:
    """Apply the ``given`` values of `SWITCHES` to a study that has the key ``own``.

    Returns the document and the name of its results, ``<study>.<file>``. Raises `UserError` for a missing switch, file
    or column.
    """
    own = document.value["own"]
    for key in ("data", "text", "label"):
        if given.get(key) is None:
            raise UserError(
                f"study {study} reads your own dataset, and {key}=... is not given; " + HOW.format(study=study)
            )
    data, test, further = (_file(given, key) for key in ("data", "test", "unlabelled"))
    assert data
    columns = _columns(given, data, test)
    if test and len(set(islice(text_columns.read_column(test, columns["text"]), SAMPLED_ROWS))) < 2:
        raise UserError(f"test={test}: fewer than two distinct texts, and an interval of the error needs two; add rows")
    summary = inspect_file(data, columns["text"])
    overrides: dict[str, Any] = {
        "data": str(data.parent),
        "corpora": {own["corpus"]: {"source": _source(columns, data, test, given.get("multilabel"))}},
    }
    rows = summary.rows
    if further:
        table = further.suffix.lower() != ".txt"
        rows += count_documents(further, columns["text"])
        overrides["texts"] = {"unlabelled": {"path": str(further), "column": columns["text"] if table else None}}
        for corpus in (own["corpus"], own["validation"]):
            overrides["corpora"].setdefault(corpus, {})["further"] = ["unlabelled"]
    if given.get("encoder"):
        overrides["encoders"] = {"base": own_encoder.declared(str(given["encoder"]), studies)}
    encoder = {**document.value["encoders"]["base"], **overrides.get("encoders", {}).get("base", {})}
    found = search_sizes(summary, rows, document.value, encoder, given)
    overrides |= {"finetune": found.finetune, "pretrain": found.pretrain}
    overrides["own"] = (
        found.own | {"budget": budget_seconds(own, given)} | own_encoder.fitting(own["candidates"], encoder)
    )
    part = {"source": {"part_of": {"held_out": search_budget.validation_share(summary.rows)}}}
    overrides["corpora"].setdefault(own["validation"], {}).update(part)
    if given.get("encoder") and _shape(encoder).weights >= LARGE:
        overrides["finetune"]["lr"] = None  # the paper's
    return document.extended_by(Document(document.path, overrides, {})), f"{study}.{results_name(data)}"


def inspect_file(path: Path, column: str | int) -> FileSummary:
    """The lengths of the first `SAMPLED_ROWS` texts (`estimated_lengths`), and the number of rows."""
    lengths = estimated_lengths(text_columns.read_column(path, column))
    if not lengths:
        raise UserError(f"{path}: no rows; give a file with texts")
    return FileSummary(lengths, len(lengths) if len(lengths) < SAMPLED_ROWS else _rows(path, column))


def estimated_lengths(texts: Iterable[str]) -> list[int]:
    """Word pieces of the first `SAMPLED_ROWS` texts: a piece per six ASCII letters, or per other character."""
    return [sum(-(-len(word) // 6) for word in _WORD.findall(text)) for text in islice(texts, SAMPLED_ROWS)]


def count_documents(path: Path, column: str | int) -> int:
    """Number of texts of a table, or of documents of a ``.txt`` in the official format: blocks between empty lines."""
    if path.suffix.lower() in text_columns.KINDS:
        next(text_columns.read_column(path, column), None)  # raises if the column is missing
        return _rows(path, column)
    if path.suffix.lower() != ".txt":
        known = ", ".join(text_columns.KINDS)
        raise UserError(f"unlabelled={path}: unknown ending {path.suffix!r}; give one of {known}, .txt")
    with explain_errors(path), open(path, encoding="utf-8-sig") as lines:
        blank = True  # the line before
        count = 0
        for line in lines:
            count += blank and bool(line.strip())
            blank = not line.strip()
    if not count:
        raise UserError(f"unlabelled={path}: no text in it; give at least one document")
    return count


def _rows(path: Path, column: str | int) -> int:
    """Number of rows; a column's name is in a header, which is none."""
    header = bool(text_columns.KINDS[path.suffix.lower()]) and isinstance(column, str)
    return text_columns.count_rows(path) - header


def budget_seconds(own: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """Seconds that the search may take, of ``--config budget=`` or the study. Raises as `search_budget.seconds`."""
    return search_budget.seconds(given["budget"]) if given.get("budget") is not None else float(own["budget"])


def search_sizes(
    summary: FileSummary, documents: int, study: Mapping[str, Any], encoder: Mapping[str, Any], given: Mapping[str, Any]
) -> SearchSizes:
    """Sizes of the search on a file, for this machine; ``documents``: texts to pre-train on."""
    gpus = str(given.get("gpus", len(hardware.visible(os.environ))))
    cores = min(study.get("threads", 2), int(given.get("cores") or hardware.cores()))
    machine = search_budget.TrainingMachine("cpu" if gpus == "0" else "gpu", cores)
    rows = summary.rows * (1.0 if given.get("test") else 0.8)
    trained = rows * (1 - search_budget.validation_share(summary.rows))
    data = search_budget.Dataset(summary.lengths, trained, documents)
    shape, positions = _shape(encoder), encoder_folder.positions(encoder)
    return search_budget.plan(data, study, shape, machine, budget_seconds(study["own"], given), positions)


def _shape(encoder: Mapping[str, Any]) -> EncoderShape:
    """The shape of a declared encoder; a guess by its number of layers if its folder is not on this machine."""
    facts = encoder_folder.facts(encoder)
    family = families.of(facts) or families.BERT
    layers = int(family.value(facts, "num_hidden_layers") or encoder.get("layers") or 12)
    width = int(family.value(facts, "hidden_size") or (1024 if layers > 12 else 768))
    return EncoderShape(layers, width, int(facts.get("vocab_size") or 30522))


def results_name(data: Path) -> str:
    """The name of a file for the folder of its results: its ASCII letters and digits, without accents.

    A name with other letters gets a digest of itself, so that two of them differ.
    """
    plain = unicodedata.normalize("NFKD", data.stem).lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")
    if any(character.isalnum() and not character.isascii() for character in plain):
        digest = hashlib.sha256(unicodedata.normalize("NFC", data.stem).encode()).hexdigest()[:6]
        name = f"{name or 'texts'}-{digest}"
    return name or "texts"


def _file(given: Mapping[str, Any], key: str) -> Path | None:
    """Absolute path of the file that a switch names; None if it is not given."""
    if given.get(key) in (None, ""):
        return None
    path = Path(str(given[key])).expanduser()
    with explain_errors(path):
        if not path.is_file():
            folder = ", but a folder" if path.is_dir() else ""
            hint = _as_read(key, given[key], [sibling.name for sibling in path.parent.glob("*")])
            raise UserError(f"{key}={path}: there is no such file{folder}; correct the path{hint}")
        open(path, "rb").close()
    if set("{}") & set(str(path.resolve())):
        raise UserError(f"{key}={path}: Snakemake reads braces in a path as a wildcard; rename the file or folder")
    return path.resolve()


def _columns(given: Mapping[str, Any], data: Path, test: Path | None) -> dict[str, str | int]:
    """The columns that text, label, group and time name: by the header, else by position, if all are numbers.

    Raises `UserError` if one is missing in a file, and if two are the same. The test split needs no times.
    """
    asked = {key: given[key] for key in ("text", "label", "group", "time") if given.get(key) is not None}
    header = text_columns.column_names(data)
    if empty := [key for key, value in asked.items() if value == ""]:
        raise UserError(f"{empty[0]}=: no name of a column; the columns of {data} are {listed(header)}")
    known = {composed(name) for name in header}
    columns: dict[str, str | int] = {key: composed(value) for key, value in asked.items()}
    if not known.issuperset(columns.values()) and all(re.fullmatch(r"\d+", str(name)) for name in asked.values()):
        columns = {key: int(name) for key, name in columns.items()}
    for key, column in columns.items():
        others = [other for other, name in columns.items() if name == column and other != key]
        if others:
            raise UserError(f"{key}={column} and {others[0]}={column}: one column for both; name two")
        if isinstance(column, str) and column not in known:
            try:
                column_position(column, header, data)
            except UserError as error:
                raise UserError(f"{key}={asked[key]}: {error}{_as_read(key, asked[key], header)}") from None
        for path in [data] if test is None or key == "time" else [data, test]:
            if key == "label" and given.get("multilabel") is not None and isinstance(column, str):
                column_position(column, text_columns.column_names(path), path)  # its cells may be lists
            else:
                next(text_columns.read_column(path, column), None)  # raises if it is missing
    return columns


def _as_read(key: str, value: Any, names: Sequence[str]) -> str:
    """A hint where Snakemake has not read a value as it was typed: as a number, or as YAML, where " #" ends a value.

    ``names``: what the value may have been.
    """
    if isinstance(value, str):
        last = Path(value).name
        if not any(name.startswith(f"{last} #") for name in names):
            return ""
        kind = f"as {value!r} and a comment after it"
    else:
        kind = f"as {value!r}"
    return f"; Snakemake has read the value {kind}: make leaves it as it is, and so does --config '{key}=[\"...\"]'"


def _source(columns: Mapping[str, str | int], data: Path, test: Path | None, multilabel: str | None) -> dict[str, Any]:
    local = {"train": data.name, "columns": {"text": columns["text"]}, "label": columns["label"]}
    local |= {key: columns[key] for key in ("group", "time") if key in columns}
    if multilabel is not None:
        local["multilabel"] = str(multilabel)
    if test:
        local["test"] = str(test)
    return {"local": local}
