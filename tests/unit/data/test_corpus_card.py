"""card.json: what is written is read back; files that are no card are refused."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bertfit.core.errors import UserError
from bertfit.data import corpus_card

CARD: dict[str, Any] = {
    "corpus": "t",
    "language": "en",
    "title": "Tiny",
    "domain": "topic",
    "note": None,
    "source": {"kind": "local", "files": {"train": {"path": "a.csv", "sha256": "00"}}, "held_out": 0.25},
    "licence": "CC0",
    "sampled": {"train": {"kept": 6, "of": 60}},
    "leaks_dropped": None,
    "fields": ["text"],
    "label_names": ["a", "b"],
    "splits": {
        "train": {"rows": 6, "classes": {"a": 3, "b": 3}, "empty": 0, "sha256": "01"},
        "test": {"rows": 4, "classes": {"a": 1, "b": 3}, "empty": 1, "sha256": "02"},
    },
    "duplicates_in_train": 1,
    "test_texts_in_train": 0,
    "texts_of_several_labels": 0,
}


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(CARD))
    card = corpus_card.read(path)
    assert card.splits["test"].classes == {"a": 1, "b": 3} and card.sampled is not None
    assert card.sampled["train"].of == 60 and card.source.kind == "local"
    corpus_card.write(card, tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == CARD


def test_clusters_of_a_card(tmp_path: Path) -> None:
    """None in a card written before clusters were counted."""
    facts = {"clusters": 3, "largest": 2, "texts": 2, "near_duplicates": 0, "near_duplicates_in_train": 1}
    facts |= {"group": "author", "texts_of_train_groups": 0}
    (tmp_path / "card.json").write_text(json.dumps(CARD | {"clusters": facts}))
    card = corpus_card.read(tmp_path / "card.json")
    assert card.clusters == corpus_card.ClusterFacts.model_validate(facts)
    assert corpus_card.CorpusCard.model_validate(CARD).clusters is None


def test_what_was_not_given_is_not_written(tmp_path: Path) -> None:
    source = {"kind": "hub", "dataset": "d", "revision": "r"}
    card = corpus_card.CorpusCard.model_validate(CARD | {"source": source})
    corpus_card.write(card, tmp_path / "card.json")
    assert json.loads((tmp_path / "card.json").read_text())["source"] == source


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps(CARD | {"source": {"kind": "disk"}})])
def test_a_damaged_card_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(UserError, match=r"card\.json: not the card of a corpus .*; delete its folder and run again"):
        corpus_card.read(tmp_path / "card.json")


def test_digest_by_hand() -> None:
    table = pa.table({"title": ["a", ""], "text": ["é", "bc"], "label": pa.array([1, 0], pa.int32())})
    number = lambda *values: struct.pack(f"<{len(values)}Q", *values)  # noqa: E731
    wanted = (
        number(5)
        + b"title"
        + number(2)
        + number(1, 0)
        + b"a"
        + number(4)
        + b"text"
        + number(2)
        + number(2, 2)
        + "ébc".encode()
        + number(5)
        + b"label"
        + number(2)
        + struct.pack("<2i", 1, 0)
    )
    assert corpus_card.digest(table) == hashlib.sha256(wanted).hexdigest()
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert corpus_card.digest(chunked) == corpus_card.digest(table)
    large = table.set_column(1, "text", table["text"].cast(pa.large_string()))
    assert corpus_card.digest(large) == corpus_card.digest(table)
    moved = table.set_column(0, "title", pa.array(["", "a"]))
    assert corpus_card.digest(moved) != corpus_card.digest(table)
