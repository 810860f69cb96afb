from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import UserError
from bertfit.texts import stored_texts
from bertfit.texts.stored_texts import StoredTexts, evenly_spaced


def write(path: Path, columns: dict[str, list[str]]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_fields_are_joined_as_declared_and_the_pair_comes_last(tmp_path):
    columns = {"title": ["a", "b", ""], "body": ["c", "", "d"], "answer": ["e f", "g", ""]}
    path = write(tmp_path / "train.parquet", columns)
    form = TextForm(
        fields=list(columns), text=Join(fields=["title", "body"], separator=" - "), pair=Join(fields=["answer"])
    )
    whole = StoredTexts(path, form)
    assert list(whole) == list(whole) == ["a - c e f", "b g", "d"] and len(whole) == 3
    part = StoredTexts(path, form, np.array([1, 2]))
    assert list(part) == ["b g", "d"] and len(part) == 2
    assert "d" in part and "a - c e f" not in part


def test_batches_do_not_change_the_texts(tmp_path, monkeypatch):
    texts = [f"text {number}" for number in range(10)]
    path = write(tmp_path / "train.parquet", {"text": texts})
    monkeypatch.setattr(stored_texts, "ROWS", 3)
    assert list(StoredTexts(path, TextForm(), np.array([2, 3, 9]))) == [texts[2], texts[3], texts[9]]
    assert [len(chunk) for chunk in stored_texts.chunks(StoredTexts(path, TextForm()))] == [3, 3, 3, 1]


def test_characters_of_all_fields_with_a_bound_for_each(tmp_path):
    form = TextForm(fields=["a", "b"], text=Join(fields=["a", "b"]))
    path = write(tmp_path / "train.parquet", {"a": ["日本語", ""], "b": ["x" * 50, "yy"]})
    assert StoredTexts(path, form).characters(longest=100) == 55
    assert StoredTexts(path, form).characters(longest=10) == 15


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path / "train.parquet", {"body": ["one"]})
    with pytest.raises(UserError, match=r"no column 'text' \(it has body\); correct the corpus's 'text' or 'pair'"):
        list(StoredTexts(path, TextForm()))


def test_evenly_spaced_texts():
    texts = [str(number) for number in range(11)]
    assert list(evenly_spaced(texts, 3)) == ["0", "5", "10"]
    assert list(evenly_spaced(texts, 100)) == texts and list(evenly_spaced([], 3)) == []
