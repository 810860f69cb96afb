"""A test split that is held out of one file: by class, without a text on both sides, the same every time."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.corpus_schema import Corpus
from bertfit.core.errors import UserError
from bertfit.data import corpora, corpus_card, splits


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


def test_at_least_two_texts_are_held_out() -> None:
    """With one, there is no interval; the message says how many texts are needed."""
    made = splits.hold_out(rows(["a", "b", "c", "d"], [0, 1, 0, 1]), 0.2, "f.csv")
    assert {split: table.num_rows for split, table in made.items()} == {"train": 2, "test": 2}
    with pytest.raises(
        UserError, match=r"f\.csv: 3 distinct texts of 2 classes .* hold 2 out .*: at least 4 are needed"
    ):
        splits.hold_out(rows(["a", "b", "c"], [0, 1, 0]), 0.2, "f.csv")
    groups = pa.array(["g", "g", "g", "h", "h"])
    table = rows(list("abcde"), [0, 1, 0, 1, 0]).append_column(splits.GROUP, groups)
    with pytest.raises(
        UserError, match="only one group can be held out for a test, and an interval of the error needs 2"
    ):
        splits.hold_out(table, 0.4, "f.csv")


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


def timed(times: list, texts: list[str] | None = None) -> pa.Table:
    texts = texts or [f"t{number}" for number in range(len(times))]
    return rows(texts, [number % 2 for number in range(len(times))]).append_column(splits.TIME, pa.array(times))


@pytest.mark.parametrize(
    ("times", "share", "held_out"),
    [
        ([3, 1, 2, 5, 4], 0.2, [3]),
        ([3, 1, 2, 5, 4], 0.5, [0, 3, 4]),  # two and three are equally near: the earlier border
        ([2020, 2021, 2020, 2021, 2022, 2019, 2019, 2019, 2019, 2019], 0.15, [4]),  # 2021 would be three rows
        ([2020, 2021, 2020, 2021, 2022, 2019, 2019, 2019, 2019, 2019], 0.25, [1, 3, 4]),
        ([1, 1, 1, 1, 2], 0.9, [4]),
        ([0.5, 0.25, -1.0], 0.01, [0]),
        ([datetime(2020, 1, 1), datetime(2019, 1, 1)], 0.5, [0]),
    ],
)
def test_the_last_rows_in_time_are_held_out(times: list, share: float, held_out: list[int]) -> None:
    made = splits.hold_out(timed(times), share, "f.csv")
    assert made["test"]["text"].to_pylist() == [f"t{number}" for number in held_out]
    assert made["train"].num_rows == len(times) - len(held_out)
    assert max(made["train"][splits.TIME].to_pylist()) < min(made["test"][splits.TIME].to_pylist())


def test_one_time_has_no_last_rows() -> None:
    with pytest.raises(UserError, match=r"^f\.csv: all rows have the same time \(2019-05-03\), so none is the last"):
        splits.hold_out(timed([datetime(2019, 5, 3)] * 3), 0.2, "f.csv")


def test_numbers_of_rows() -> None:
    table = rows(["a", "b"], [0, 1])
    assert splits.row_numbers(table).tolist() == [1, 2]
    plain = table.append_column(splits.ROW, pa.array([1, 2], pa.int32()))
    assert splits.without_plain_numbers(plain).equals(table) and splits.without_plain_numbers(table) is table
    others = table.append_column(splits.ROW, pa.array([1, 3], pa.int32()))
    assert splits.without_plain_numbers(others) is others and splits.row_numbers(others).tolist() == [1, 3]
    assert splits.texts(others).column_names == ["text"] and splits.keys(others).to_pylist() == ["a", "b"]


def build(folder: Path, lines: list[str], **source: object) -> dict:
    """Build a corpus of one CSV file with columns text, label, day and by; the card."""
    (folder / "f.csv").write_text("\n".join(["text,label,day,by", *lines, ""]))
    local = {"train": "f.csv", "held_out": 0.4, "time": "day"} | source
    corpus = Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
    made = {split: folder / f"{split}.parquet" for split in ("train", "test", "clusters")}
    corpora.build("t", corpus, files=corpus.source.files(folder), sample=None, card=folder / "card.json", **made)
    return json.loads((folder / "card.json").read_text())


LINES = [
    "new,x,2020-03-01,a",
    "old,x,2020-01-01,a",
    "same,y,2020-01-02,b",
    "same,y,2020-03-02,c",
    "older,y,2020-01-01,b",
]


def test_a_corpus_split_by_time(tmp_path: Path) -> None:
    card = build(tmp_path, LINES, group="by")
    assert pq.read_table(tmp_path / "test.parquet").to_pydict() == {"text": ["new", "same"], "label": [0, 1]}
    train = pq.read_table(tmp_path / "train.parquet")
    assert train.to_pydict() == {
        "text": ["old", "same", "older"],
        "label": [0, 1, 1],
        "@row": [2, 3, 5],
        "@group": ["a", "b", "b"],
        "@time": [datetime(2020, 1, 1), datetime(2020, 1, 2), datetime(2020, 1, 1)],
    }
    assert card["by_time"] == {"column": "day", "first": "2020-03-01"}
    assert (card["test_texts_in_train"], card["leaks_dropped"]) == (1, None), "a text on both sides is reported"
    assert card["clusters"]["texts_of_train_groups"] == 1
    assert card["splits"]["train"]["sha256"] == corpus_card.digest(train.select(["text", "label"]))
    validation = splits.hold_out(train, 0.4, "train")
    assert validation["test"][splits.ROW].to_pylist() == [3], "a validation set is again the last in time"

    assert build(tmp_path, LINES, drop_leaks=True)["leaks_dropped"] == 1
    assert pq.read_table(tmp_path / "train.parquet")["text"].to_pylist() == ["old", "older"]
    assert "by_time" not in build(tmp_path, LINES, time=None)


def test_a_class_of_the_last_rows_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"class 'z' is not in the training split \(rows before 2020-03-02\)"):
        build(tmp_path, [*LINES, "newest,z,2020-03-03,c"])
