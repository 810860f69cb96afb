"""Labels, groups and times of a column, and the row in the file of what is none. See also test_local_files.py."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bertfit.core.errors import UserError
from bertfit.data import column_values


def column(*values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_whole_numbers_are_numbers_and_texts_are_stripped() -> None:
    assert column_values.labels(column(1.0, None, 2.0), "f", named=False).to_pylist() == [1, None, 2]
    assert column_values.labels(column(" pos", "", "neg"), "f", named=False).to_pylist() == ["pos", None, "neg"]
    assert column_values.labels(column("1.5", "2"), "f", named=True).to_pylist() == ["1.5", "2"], "names of classes"


def test_groups_are_texts() -> None:
    assert column_values.groups(column(7.0, None), "f").to_pylist() == ["7", None]
    assert column_values.groups(column(" a ", " "), "f").to_pylist() == ["a", None]


@pytest.mark.parametrize(("numbers", "row"), [(None, 2), ([4, 9], 9)])
def test_errors_name_the_row_of_the_file(numbers: list[int] | None, row: int) -> None:
    with pytest.raises(UserError, match=f"f: row {row} has 0.5; numbers with a fraction"):
        column_values.labels(column(1.0, 0.5), "f", named=False, numbers=numbers)
    with pytest.raises(UserError, match=f"f: row {row} has no time"):
        column_values.as_times(column("2019", ""), "f", numbers)
