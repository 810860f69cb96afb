"""Labels and lengths of a file, by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.core.errors import UserError
from bertfit.terminal import dataset_facts
from bertfit.terminal.first_screen import SampledLengths


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """20 texts: number k has k words of eight letters, which are two pieces each."""
    path = tmp_path / "texts.csv"
    rows = [f"{' '.join(['building'] * number)},{' pos' if number % 4 else 'neg'}" for number in range(1, 21)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def test_rows_by_label(file: Path) -> None:
    assert dataset_facts.class_counts(file, "label") == ({"pos": 15, "neg": 5}, 20)
    with pytest.raises(UserError, match="no column 'lable'"):
        dataset_facts.class_counts(file, "lable")


SEVERAL = ({"a": 2, "b": 1}, 3)


@pytest.mark.parametrize(
    ("name", "content", "separator"),
    [
        ("x.csv", "text,label\none,a;b\ntwo, a\nthree,\n", ";"),
        ("x.jsonl", '{"label": ["a", "b"]}\n{"label": ["a"]}\n{"label": []}\n', "json"),
        ("x.json", '[{"label": "a|b"}, {"label": "a"}, {"label": null}]', "|"),
    ],
)
def test_rows_by_label_where_a_text_has_several(tmp_path: Path, name: str, content: str, separator: str) -> None:
    (tmp_path / name).write_text(content)
    assert dataset_facts.class_counts(tmp_path / name, "label", separator) == SEVERAL


def test_lists_of_labels_in_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"label": [["a", "b"], ["a"], None]}), tmp_path / "x.parquet")
    assert dataset_facts.class_counts(tmp_path / "x.parquet", "label", "json") == SEVERAL


def test_lengths_and_what_is_cut(file: Path) -> None:
    assert dataset_facts.lengths(file, "text", 32) == SampledLengths(20, (11, 20), (22, 40), 5 / 20)
    assert dataset_facts.lengths(file, "text", 42).cut == 0


def test_only_the_first_rows_of_a_large_file_are_counted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_facts, "MOST_ROWS", 6)
    counts, counted = dataset_facts.class_counts(file, "label")
    assert counts == {"pos": 5, "neg": 1}
    assert dataset_facts.rows(file, counted) == 21, "lines"
    assert dataset_facts.rows(file, 5) == 5, "a whole file of fewer rows"
