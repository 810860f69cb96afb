"""A file of one's own in place of a corpus: what ``--config data=... text=... label=...`` lays over a study.

The defaults fit the machine and the file, whose first `LOOK` rows are looked at whenever the workflow starts; the file
is read whole in a job. Neither torch nor pandas.
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
    "test": "your own dataset: file of the test split (default: a fifth of the distinct texts is held out, by class)",
    "unlabelled": "your own dataset: file of further texts for pre-training",
    "encoder": "your own dataset: folder of a BERT, or hub id of one that a study pins (default: all-MiniLM-L6-v2)",
}
HOW = (
    "give your file and its columns: make classify DATA=reviews.csv TEXT=review LABEL=stars, or "
    "snakemake classify --config study={study} data=reviews.csv text=review label=stars"
)
LOOK = 1000
PASSES = 4  # pre-training steps for each text: the paper's 100,000 for the 25,000 of IMDb
LONGEST = {"cpu": 128, "gpu": 512}
_WORD = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]")


@dataclass(frozen=True)
class Look:
    """What was seen of a file: about how many word pieces its texts have, and how many rows it has."""

    lengths: list[int]
    rows: int

    @property
    def mean(self) -> float:
        """Word pieces of a text, the special ones included."""
        return sum(self.lengths) / len(self.lengths) + 2


def laid(document: Document, study: str, given: Mapping[str, Any], studies: Path) -> tuple[Document, str]:
    """A study with ``own`` over which the switches are laid, and the name of its results, ``<study>.<file>``.

    Raises `UserError` for a switch that is missing, and for a file or column that is not there.
    """
    own = document.value["own"]
    for key in ("data", "text", "label"):
        if given.get(key) is None:
            raise UserError(
                f"study {study} reads texts of your own, and {key}=... is not given; " + HOW.format(study=study)
            )
    for key in ("text", "label"):
        if not isinstance(given[key], str | int) or given[key] == "":
            raise UserError(f"{key}={given[key]}: not read as a column's name; rename the column in the file")
    data, test, further = (_file(given, key) for key in ("data", "test", "unlabelled"))
    assert data
    for path in filter(None, (data, test)):  # whether both columns are there
        for column in (given["label"], given["text"]):
            next(row_readers.read_column(path, column), None)
    look = inspect_file(data, given["text"])
    over: dict[str, Any] = {
        "data": str(data.parent),
        "corpora": {own["corpus"]: {"source": _source(given, data, test)}},
    }
    rows = look.rows
    if further:
        table = further.suffix.lower() in row_readers.KINDS
        if not table and further.suffix.lower() != ".txt":
            known = ", ".join(row_readers.KINDS)
            raise UserError(f"unlabelled={further}: unknown ending {further.suffix!r}; give one of {known}, .txt")
        rows += inspect_file(further, given["text"]).rows if table else 0
        over["texts"] = {"unlabelled": {"path": str(further), "column": given["text"] if table else None}}
        over["mixes"] = {"further": {"corpora": [own["corpus"], "unlabelled"]}}
    gpus = str(given.get("gpus", len(hardware.visible(os.environ))))
    finetune, pretrain = sizes(look, rows, document.value, pieces=own["pieces"] if gpus == "0" else None)
    over |= {"finetune": finetune, "pretrain": pretrain}
    if given.get("encoder"):
        over["encoders"] = {"base": _encoder(str(given["encoder"]), studies)}
        over["finetune"]["lr"] = None  # the paper's
    plain = unicodedata.normalize("NFKD", data.stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "texts"
    return document.extended_by(Document(document.path, over, {})), f"{study}.{name}"


def inspect_file(path: Path, column: str | int) -> Look:
    """The first `LOOK` texts of a file, counted: a word of up to six ASCII letters is a piece, so is a sign."""
    texts = islice(row_readers.read_column(path, column), LOOK)
    lengths = [sum(-(-len(word) // 6) for word in _WORD.findall(text)) for text in texts]
    if not lengths:
        raise UserError(f"{path}: no rows; give a file with texts")
    return Look(lengths, max(len(lengths), row_readers.count_rows(path)))


def sizes(
    look: Look, documents: int, study: Mapping[str, Any], *, pieces: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lengths, epochs and steps of fine-tuning and of pre-training on so many ``documents``.

    ``pieces``: word pieces that one training may read, None on a GPU. Texts are cut where one in twenty is longer.
    """
    longest = LONGEST["cpu" if pieces else "gpu"]
    ordered = sorted(look.lengths)
    usual = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] + 2
    length = min(longest, max(32, -(-usual // 16) * 16))
    epochs, batch = study["finetune"]["epochs"], study["pretrain"]["batch_size"]
    further = min(length, 128)
    steps = min(100_000, PASSES * documents)
    if pieces:
        read = look.rows * min(look.mean, length)
        epochs = min(epochs, float(f"{pieces / read:.2g}"))
        steps = min(steps, pieces // (batch * further))
    finetune = {"max_length": length, "head_tokens": (length - 2) * 128 // 510, "epochs": epochs}
    return finetune, {"max_length": further, "steps": max(1, int(float(f"{steps:.2g}")))}


def _file(given: Mapping[str, Any], key: str) -> Path | None:
    """The file that a switch names, absolute; None where it is not given."""
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
    if test:
        local["test"] = str(test)
    return {"local": local}


def _encoder(name: str, studies: Path) -> dict[str, Any]:
    """An encoder by its folder, or as another study declares a hub id, pinned."""
    none = dict.fromkeys(("package", "folder", "hub", "revision", "licence"))
    config = Path(name).expanduser() / "config.json"
    if config.is_file():
        try:
            layers = read_json(config).get("num_hidden_layers")
        except (ValueError, AttributeError) as error:
            raise UserError(f"encoder={name}: {config} is no JSON object ({error}); copy the folder again") from error
        return none | {"title": config.parent.name, "folder": str(config.parent.resolve()), "layers": layers}
    declared = [each for path in sorted(studies.glob("*.yaml")) for each in _declared(path)]
    for encoder in declared:
        if encoder["hub"] == name:
            return none | {
                key: encoder[key] for key in ("title", "hub", "revision", "layers", "licence") if key in encoder
            }
    raise UserError(
        f"encoder={name}: neither a folder with config.json nor one of {', '.join(each['hub'] for each in declared)}; "
        "for another one of the hub write hub, revision and layers under encoders: base: in studies/example.yaml"
    )


def _declared(path: Path) -> list[dict[str, Any]]:
    encoders = yaml_loader.load(path).value.get("encoders") or {}
    return [dict(each) for each in encoders.values() if each and each.get("hub")]
