"""Your own dataset: turns ``--config data=... text=... label=...`` into the corpus and the sizes of a study.

Sizes are chosen for the machine and the file, of which the first `SAMPLED_ROWS` rows are read at every start of the
workflow; a job reads the whole file. Imports neither torch nor pandas, so that Snakemake starts fast.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bertfit.core import row_readers, yaml_loader
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.core.yaml_loader import Document
from bertfit.runtime import hardware

SWITCHES = {
    "text": "your own dataset: column of the texts",
    "label": "your own dataset: column of the labels",
    "group": "your own dataset: column that says which rows belong together (author, product, thread); a held-out test "
    "split takes whole groups, and tests of differences count a group once",
    "time": "your own dataset: column of dates, timestamps or numbers; the last fifth of the rows in time is the test "
    "split (default: a fifth is held out at random)",
    "test": "your own dataset: file of the test split (default: a fifth of the distinct texts is held out, by class)",
    "unlabelled": "your own dataset: file of further texts for pre-training",
    "encoder": "your own dataset: folder of a BERT, or hub id of one that a study pins (default: all-MiniLM-L6-v2)",
}
HOW = (
    "give your file and its columns: make classify DATA=reviews.csv TEXT=review LABEL=stars, or "
    "snakemake classify --config study={study} data=reviews.csv text=review label=stars"
)
SAMPLED_ROWS = 1000
PASSES = 4  # pre-training steps for each text: the paper's 100,000 for the 25,000 of IMDb
LONGEST = {"cpu": 128, "gpu": 512}
_WORD = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]")


@dataclass(frozen=True)
class FileSummary:
    """Estimated word pieces of each of the first texts of a file, and its number of rows."""

    lengths: list[int]
    rows: int

    @property
    def mean(self) -> float:
        """Mean number of word pieces of a text, [CLS] and [SEP] included."""
        return sum(self.lengths) / len(self.lengths) + 2


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
    columns = [key for key in ("text", "label", "group", "time") if given.get(key) is not None]
    for key in columns:
        if not isinstance(given[key], str | int) or given[key] == "":
            raise UserError(f"{key}={given[key]}: not read as a column's name; rename the column in the file")
    data, test, further = (_file(given, key) for key in ("data", "test", "unlabelled"))
    assert data
    for path in filter(None, (data, test)):  # raises if a column is missing
        read = [key for key in reversed(columns) if key != "time" or path == data]
        for column in dict.fromkeys(given[key] for key in read):
            next(row_readers.read_column(path, column), None)
    summary = inspect_file(data, given["text"])
    overrides: dict[str, Any] = {
        "data": str(data.parent),
        "corpora": {own["corpus"]: {"source": _source(given, data, test)}},
    }
    rows = summary.rows
    if further:
        table = further.suffix.lower() in row_readers.KINDS
        if not table and further.suffix.lower() != ".txt":
            known = ", ".join(row_readers.KINDS)
            raise UserError(f"unlabelled={further}: unknown ending {further.suffix!r}; give one of {known}, .txt")
        rows += inspect_file(further, given["text"]).rows if table else 0
        overrides["texts"] = {"unlabelled": {"path": str(further), "column": given["text"] if table else None}}
        overrides["mixes"] = {"further": {"corpora": [own["corpus"], "unlabelled"]}}
    gpus = str(given.get("gpus", len(hardware.visible(os.environ))))
    finetune, pretrain = sizes(summary, rows, document.value, pieces=own["pieces"] if gpus == "0" else None)
    overrides |= {"finetune": finetune, "pretrain": pretrain}
    if given.get("encoder"):
        overrides["encoders"] = {"base": _encoder(str(given["encoder"]), studies)}
        overrides["finetune"]["lr"] = None  # the paper's
    ascii_name = unicodedata.normalize("NFKD", data.stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-") or "texts"
    return document.extended_by(Document(document.path, overrides, {})), f"{study}.{name}"


def inspect_file(path: Path, column: str | int) -> FileSummary:
    """Estimate the lengths of the first `SAMPLED_ROWS` texts: a piece per six ASCII letters, or per other character."""
    texts = islice(row_readers.read_column(path, column), SAMPLED_ROWS)
    lengths = [sum(-(-len(word) // 6) for word in _WORD.findall(text)) for text in texts]
    if not lengths:
        raise UserError(f"{path}: no rows; give a file with texts")
    return FileSummary(lengths, max(len(lengths), row_readers.count_rows(path)))


def sizes(
    summary: FileSummary, documents: int, study: Mapping[str, Any], *, pieces: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys of ``finetune`` and of ``pretrain`` (on ``documents`` texts) that depend on the size of the dataset.

    ``pieces``: number of word pieces that one training may read, None on a GPU. ``max_length`` is the 95th percentile
    of the lengths, rounded up to a multiple of 16, within bounds.
    """
    upper_bound = LONGEST["cpu" if pieces else "gpu"]
    ordered = sorted(summary.lengths)
    percentile = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] + 2
    length = min(upper_bound, max(32, -(-percentile // 16) * 16))
    epochs, batch = study["finetune"]["epochs"], study["pretrain"]["batch_size"]
    pretrain_length = min(length, 128)
    steps = min(100_000, PASSES * documents)
    if pieces:
        read = summary.rows * min(summary.mean, length)
        epochs = min(epochs, float(f"{pieces / read:.2g}"))
        steps = min(steps, pieces // (batch * pretrain_length))
    finetune = {"max_length": length, "head_tokens": (length - 2) * 128 // 510, "epochs": epochs}
    return finetune, {"max_length": pretrain_length, "steps": max(1, int(float(f"{steps:.2g}")))}


def _file(given: Mapping[str, Any], key: str) -> Path | None:
    """Absolute path of the file that a switch names; None if it is not given."""
    if not given.get(key):
        return None
    path = Path(str(given[key])).expanduser()
    if not path.is_file():
        raise UserError(
            f"{key}={path}: there is no such file{', but a folder' if path.is_dir() else ''}; correct the path"
        )
    if set("{}") & set(str(path.resolve())):
        raise UserError(f"{key}={path}: Snakemake reads braces in a path as a wildcard; rename the file or folder")
    return path.resolve()


def _source(given: Mapping[str, Any], data: Path, test: Path | None) -> dict[str, Any]:
    local = {"train": data.name, "columns": {"text": given["text"]}, "label": given["label"]}
    local |= {key: given[key] for key in ("group", "time") if given.get(key) is not None}
    if test:
        local["test"] = str(test)
    return {"local": local}


def _encoder(name: str, studies: Path) -> dict[str, Any]:
    """The declaration of an encoder: of its folder, or of the hub id ``name`` as another study pins it."""
    defaults = dict.fromkeys(("package", "folder", "hub", "revision", "licence"))
    config = Path(name).expanduser() / "config.json"
    if config.is_file():
        try:
            layers = read_json(config).get("num_hidden_layers")
        except (ValueError, AttributeError) as error:
            raise UserError(f"encoder={name}: {config} is no JSON object ({error}); copy the folder again") from error
        return defaults | {"title": config.parent.name, "folder": str(config.parent.resolve()), "layers": layers}
    declared = [encoder for path in sorted(studies.glob("*.yaml")) for encoder in _hub_encoders(path)]
    for encoder in declared:
        if encoder["hub"] == name:
            return defaults | {
                key: encoder[key] for key in ("title", "hub", "revision", "layers", "licence") if key in encoder
            }
    known = ", ".join(encoder["hub"] for encoder in declared)
    raise UserError(
        f"encoder={name}: neither a folder with config.json nor one of {known}; "
        "for another one of the hub write hub, revision and layers under encoders: base: in studies/example.yaml"
    )


def _hub_encoders(path: Path) -> list[dict[str, Any]]:
    encoders = yaml_loader.load(path).value.get("encoders") or {}
    return [dict(encoder) for encoder in encoders.values() if encoder and encoder.get("hub")]
