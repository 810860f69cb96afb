"""Labels as people write them: the classes they mean, or an error that says which row; and what the card reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bertfit.config.corpus_schema import Corpus
from bertfit.core.errors import UserError
from bertfit.data import class_labels
from helpers.hostile import build, parquet


def csv(*labels: str) -> str:
    return "text,label\n" + "".join(f'text {at},"{label}"\n' for at, label in enumerate(labels))


@pytest.mark.parametrize(
    ("labels", "names", "rows"),
    [
        (["2", "1", "10"], ["1", "2", "10"], ["2", "1", "10"]),
        (["1.0", "2.0"], ["1", "2"], ["1", "2"]),  # what pandas makes of numbers beside a gap
        (["1", "1.0", "2"], ["1", "2"], ["1", "1", "2"]),
        (["-1", "1"], ["-1", "1"], ["-1", "1"]),
        (["1.5", "2", "none"], ["1.5", "2", "none"], ["1.5", "2", "none"]),
        (["0.0", "5.0", "3.0"], ["0", "3", "5"], ["0", "5", "3"]),
        (["R|S", "news", "sport"], ["R|S", "news", "sport"], ["R|S", "news", "sport"]),
        (
            ["Arts, Crafts", "Arts, Music", "News"],
            ["Arts, Crafts", "Arts, Music", "News"],
            ["Arts, Crafts", "Arts, Music", "News"],
        ),
        (["01", "02"], ["01", "02"], ["01", "02"]),
        (["9" * 40, "9" * 39 + "8"], ["9" * 39 + "8", "9" * 40], ["9" * 40, "9" * 39 + "8"]),
        ([" x", "x ", "\u00a0x\t", "y"], ["x", "y"], ["x", "x", "x", "y"]),
        (["x,y", 'say ""hi""', "two\nlines"], ['say "hi"', "two\nlines", "x,y"], ["x,y", 'say "hi"', "two\nlines"]),
        (["😀", "שלום", "=1+1"], ["=1+1", "שלום", "😀"], ["😀", "שלום", "=1+1"]),
        (["None", "class", "nan"], ["None", "class", "nan"], ["None", "class", "nan"]),
    ],
)
def test_classes_of_a_csv(tmp_path: Path, labels: list[str], names: list[str], rows: list[str]) -> None:
    card, found = build(tmp_path, csv(*labels))
    assert (card["label_names"], found["label"]) == (names, rows)


@pytest.mark.parametrize("labels", ["1, 5, 1", "1.0, 5.0, 1.0", "1, 5.0, 1", '"1", "5", "1"', '1, "5", " 1 "'])
def test_numbers_are_the_same_classes_in_every_format(tmp_path: Path, labels: str) -> None:
    values = [value.strip() for value in labels.split(", ")]
    lines = "".join(f'{{"text": "t{at}", "label": {value}}}\n' for at, value in enumerate(values))
    assert build(tmp_path, lines, ending="jsonl")[1]["label"] == ["1", "5", "1"]
    texts = [f"t{at}" for at in range(3)]
    for column in ([1, 5, 1], [1.0, 5.0, 1.0], ["1", "5 ", "1"]):
        assert build(tmp_path, parquet(text=texts, label=column), ending="parquet")[1]["label"] == ["1", "5", "1"]


@pytest.mark.parametrize("labels", ["1, 2.5, 3.0", '"0.0", "5.0", "3.1"', '"1", "1e-2", "2"'])
def test_scores_are_refused_in_every_format(tmp_path: Path, labels: str) -> None:
    """Fractions are no classes, whether they are numbers or texts; whoever lists them as class names may have them."""
    values = [value.strip() for value in labels.split(", ")]
    lines = "".join(f'{{"text": "t{at}", "label": {value}}}\n' for at, value in enumerate(values))
    columns = {"text": ["t0", "t1", "t2"], "label": [json.loads(value) for value in values]}
    contents = {
        "jsonl": lines,
        "csv": csv(*(str(json.loads(value)) for value in values)),
        "parquet": parquet(**columns),
    }
    for ending, content in contents.items():
        with pytest.raises(UserError, match=r"row [23] has (2\.5|3\.1|0\.01); .* are scores, not classes: write"):
            build(tmp_path, content, ending=ending)
    names = [str(json.loads(value)) for value in values]
    assert build(tmp_path, contents["csv"], label_names=names)[0]["label_names"] == names


@pytest.mark.parametrize("mark", [";", "|", ","])
def test_cells_with_several_labels_are_noticed(tmp_path: Path, mark: str) -> None:
    labels = ["news", f"news{mark}sport", f"music{mark}sport", "music"]
    with pytest.raises(UserError, match=rf"row 2 has the label 'news.sport', .*give MULTILABEL='\{mark}'"):
        build(tmp_path, csv(*labels))
    assert build(tmp_path, csv(*labels), label_names=labels)[0]["label_names"] == labels
    assert class_labels.separator(["news", f"news{mark}"]) is None, "a mark at the end separates nothing"


@pytest.mark.parametrize(
    ("labels", "first", "second"),
    [
        (["neg", "Pos", "pos"], "'Pos' (row 2)", "'pos' (row 3)"),
        (["1", "01", "2"], "'1' (row 1)", "'01' (row 2)"),
        (["1.5", "x", "1.50"], "'1.5' (row 1)", "'1.50' (row 3)"),
        (["x z", "x  z", "y"], "'x z' (row 1)", "'x  z' (row 2)"),
        (["caf\u00e9", "cafe\u0301", "y"], "(row 1)", "(row 2)"),
        (["pos", "pos\u200b", "y"], "'pos' (row 1)", "'pos\\u200b' (row 2)"),
        (["x", "x\0", "y"], "'x' (row 1)", "(row 2)"),
        (["1", "\u0661", "2"], "'1' (row 1)", "(row 2)"),
    ],
)
def test_labels_that_look_like_one(tmp_path: Path, labels: list[str], first: str, second: str) -> None:
    with pytest.raises(UserError) as caught:
        build(tmp_path, csv(*labels))
    for part in ("train.csv: the labels ", first, second, "write it one way, or list both in `label_names`"):
        assert part in str(caught.value)
    card, rows = build(tmp_path, csv(*labels), label_names=sorted(set(labels)))  # the cure
    assert rows["label"] == labels


def test_a_test_split_has_no_classes_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"test\.csv: row 2 has the label 'Y'; the classes are x, y; .* or add rows to learn"
    ):
        build(tmp_path, csv("x", "y"), csv("x", "Y"))
    with pytest.raises(UserError, match=r"test\.csv: row 1 has the label '0'; the classes are 3, 7;"):
        build(tmp_path, csv("3", "7"), csv("0", "1"))  # once taken for the places of 3 and 7
    with pytest.raises(UserError, match=r"test\.csv: class 'z' is not in the training split"):
        build(tmp_path, csv("x", "y"), csv("x", "z"), label_names=["x", "y", "z"])


def test_few_and_many(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.csv: one class only \('x'\), and a classifier needs two"):
        build(tmp_path, csv("x", "x"))
    card, _ = build(tmp_path, csv("x", "y", "y"))
    assert card["splits"]["train"]["classes"] == {"x": 1, "y": 2}  # one example is enough
    card, rows = build(tmp_path, csv(*(f"c{at}" for at in range(10_000))))
    assert len(card["label_names"]) == 10_000
    assert rows["label"][1234] == "c1234"
    with pytest.raises(UserError) as caught:
        build(tmp_path, csv(*(f"c{at}" for at in range(10_000))), csv("d"))
    assert "c0, c1, c10," in str(caught.value) and "(10,000 in all)" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_text_taken_for_a_label_does_not_fill_the_screen(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        build(tmp_path, csv("x", "y"), csv("\x1b[31m" + "long " * 100_000))
    assert len(str(caught.value)) < 500 and "\x1b" not in str(caught.value)


TRAIN = "text,label\na,x\na,y\nb,x\n b,x\nc,y\nd,y\n"
TEST = "text,label\na,x\nc,x\nc,y\ne,y\n"


def test_the_card_reports_leaks_and_texts_of_two_labels(tmp_path: Path) -> None:
    card, rows = build(tmp_path, TRAIN, TEST)
    assert rows["text"] == ["a", "a", "b", " b", "c", "d"]
    assert (card["duplicates_in_train"], card["test_texts_in_train"]) == (1, 3)  # a, and c twice
    assert card["texts_of_several_labels"] == 2  # a, c
    assert card["leaks_dropped"] is None


def test_leaks_are_dropped_where_asked(tmp_path: Path) -> None:
    card, rows = build(tmp_path, TRAIN, TEST, drop_leaks=True)
    assert rows == {"text": ["b", " b", "d"], "label": ["x", "x", "y"], "@row": [3, 4, 6]}
    assert (card["test_texts_in_train"], card["leaks_dropped"]) == (0, 3)
    assert card["splits"]["test"]["rows"] == 4
    with pytest.raises(UserError, match=r"test\.csv: class 'y' is not in the training split"):
        build(tmp_path, "text,label\na,x\nb,y\nc,z\n", "text,label\nb,y\n", drop_leaks=True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"columns": {"text": "label"}}, "the column of the label: it would be read as a text"),
        ({"label_names": ["x", "x"]}, "label_names are different texts"),
        ({"label_names": ["x", "y "]}, "without blanks around them"),
        ({"layout": {"fields": ["label"], "text": {"fields": ["label"]}}}, "none is called label"),
        ({"layout": {"fields": ["a", "a"], "text": {"fields": ["a"]}}}, "fields have different names"),
    ],
)
def test_declarations_that_cannot_be_meant(source: dict[str, Any], message: str) -> None:
    local = {"train": "a.csv", "test": "b.csv"} | source
    with pytest.raises(ValueError, match=message):
        Corpus.model_validate({"title": "T", "domain": "topic", "source": {"local": local}})
