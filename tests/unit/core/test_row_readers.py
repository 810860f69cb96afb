"""Readers of single formats; their values are tested through `text_columns` and `local_files`."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from bertfit.core import row_readers
from bertfit.core.errors import UserError


def test_two_columns_that_differ_only_in_form_are_duplicates() -> None:
    names = [unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"), "other"]
    with pytest.raises(UserError, match="is a duplicate; rename"):
        row_readers.column_position("é", names, "a.csv")
    assert row_readers.column_position("other", names, "a.csv") == 2


def test_one_array_may_not_be_mistaken_for_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("[1]\n[2]\n")
    with pytest.raises(UserError, match=r"not JSON \(Extra data: line 2"):
        next(row_readers.objects(path, []))


def test_errors_of_the_system_name_file_and_cure(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"), row_readers.explain_errors(long):
        long.stat()


def test_conditions_on_rows() -> None:
    where = {"of": "x", "year": 2019, "sold": True}
    assert row_readers.satisfies(["x", "2019", "true"], where) and not row_readers.satisfies(["x", "2019", None], where)
    assert all(row_readers.satisfies([sold], {"sold": True}) for sold in ("True", "TRUE"))
    assert not row_readers.satisfies(["True"], {"sold": "true"}) and not row_readers.satisfies(["X"], {"of": "x"})
    assert row_readers.described(where) == "of = x and year = 2019 and sold = true"
