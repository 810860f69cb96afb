"""Labels and lengths of a file, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.terminal import dataset_facts
from bertfit.terminal.first_screen import TextSizes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """20 texts: number k has k words of eight letters, which are two pieces each."""
    path = tmp_path / "texts.csv"
    rows = [f"{' '.join(['building'] * number)},{' pos' if number % 4 else 'neg'}" for number in range(1, 21)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def test_rows_by_label(file: Path) -> None:
    assert dataset_facts.class_counts(file, "label") == {"pos": 15, "neg": 5}
    with pytest.raises(UserError, match="no column 'lable'"):
        dataset_facts.class_counts(file, "lable")


def test_lengths_and_what_is_cut(file: Path) -> None:
    assert dataset_facts.lengths(file, "text", 32) == TextSizes(20, (11, 20), (22, 40), 5 / 20)
    assert dataset_facts.lengths(file, "text", 42).cut == 0


def test_only_the_first_rows_of_a_large_file_are_counted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_facts, "MOST_ROWS", 6)
    counts = dataset_facts.class_counts(file, "label")
    assert counts == {"pos": 5, "neg": 1}
    assert dataset_facts.rows(file, counts.total()) == 21, "lines"
    assert dataset_facts.rows(file, 5) == 5, "a whole file of fewer rows"
