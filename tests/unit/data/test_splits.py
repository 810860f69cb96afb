"""A test split that is held out of one file: by class, without a text on both sides, the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Corpus
from bertfit.core.errors import UserError
from bertfit.data import corpora, splits


def rows(texts: list[str], labels: list[int]) -> pa.Table:
    return pa.table({"text": texts, "label": pa.array(labels, pa.int32())})


def test_shares_by_class_in_the_order_of_the_rows() -> None:
    table = rows([f"t{number}" for number in range(100)], [0] * 60 + [1] * 40)
    made = splits.hold_out(table, 0.2, "f.csv")
    assert made["test"]["label"].to_pylist() == [0] * 12 + [1] * 8
    numbers = {split: [int(text[1:]) for text in part["text"].to_pylist()] for split, part in made.items()}
    assert all(found == sorted(found) for found in numbers.values())
    assert sorted(numbers["train"] + numbers["test"]) == list(range(100))
    assert made["test"].equals(splits.hold_out(table, 0.2, "f.csv")["test"])


def test_copies_of_a_text_stay_together_and_every_class_is_trained_on() -> None:
    """Class 2 has one text, class 3 only a text that class 0 has, too."""
    texts = [f"t{number % 10}" for number in range(40)] + ["rare", "t3"]
    made = splits.hold_out(rows(texts, [number % 10 % 2 for number in range(40)] + [2, 3]), 0.3, "f.csv")
    sides = {split: set(part["text"].to_pylist()) for split, part in made.items()}
    assert not sides["train"] & sides["test"] and sides["test"]
    assert set(made["train"]["label"].to_pylist()) == {0, 1, 2, 3}
    assert {"rare", "t3"} <= sides["train"]


@pytest.mark.parametrize(
    ("texts", "labels"),
    [(["a", "b", "c"], [0, 1, 2]), (["a", "a", "a", "a"], [0, 1, 0, 1])],
    ids=["a text a class", "one text"],
)
def test_too_few_texts(texts: list[str], labels: list[int]) -> None:
    with pytest.raises(UserError, match=r"f\.csv: .* too few .* give a test file"):
        splits.hold_out(rows(texts, labels), 0.2, "f.csv")


@pytest.mark.parametrize(
    ("cycle", "names", "order"),
    [
        ([1, 2, 5], ["1", "2", "5"], ["1", "2", "5"]),
        ([1.0, 2.0, 5.0], ["1", "2", "5"], ["1", "2", "5"]),
        ([-1, 0, 1], ["-1", "0", "1"], ["-1", "0", "1"]),
        (["10", "9"], ["10", "9"], ["9", "10"]),
        (["x", "1.0"], ["x", "1.0"], ["1.0", "x"]),
        (["é", "a b"], ["é", "a b"], ["a b", "é"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_labels_name_themselves(tmp_path: Path, cycle: list, names: list[str], order: list[str], kind: str) -> None:
    """Numbers as numbers, in every format; one file, of which a fifth is held out."""
    texts, values = [f"t{number}" for number in range(12)], cycle * (12 // len(cycle))
    path = tmp_path / f"my äö {{x}}.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"text": texts, "label": values}), path)
    elif kind == "csv":
        path.write_text(
            "text,label\n" + "".join(f"{text},{value}\n" for text, value in zip(texts, values, strict=True))
        )
    else:
        lines = [{"text": text, "label": value} for text, value in zip(texts, values, strict=True)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": {"train": path.name}}})
    made = {split: tmp_path / f"{split}.parquet" for split in ("train", "test")}
    others = {"clusters": tmp_path / "clusters.parquet", "card": tmp_path / "card.json"}
    corpora.build("t", corpus, files=corpus.source.files(tmp_path), sample=None, **others, **made)
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["label_names"] == order
    expected = dict(zip(texts, names * (12 // len(names)), strict=True))
    for split, size in (("train", 10), ("test", 2)):
        found = pq.read_table(made[split]).to_pylist()
        assert card["splits"][split]["rows"] == len(found) == size
        assert all(order[row["label"]] == expected[row["text"]] for row in found)
    assert card["source"]["files"].keys() == {"train"} and card["source"]["held_out"] == 0.2
    assert card["test_texts_in_train"] == 0
