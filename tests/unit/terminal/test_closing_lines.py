"""The last lines of a run of your own dataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.terminal import closing_lines
from helpers.study_summary import LINES, SUMMARY


def test_five_lines_and_the_warnings() -> None:
    assert closing_lines.lines(SUMMARY) == LINES
    warned = SUMMARY.model_copy(update={"warnings": ["few texts", "a class\x1b[2J"]})
    assert closing_lines.lines(warned) == [*LINES, "warning: few texts", "warning: a class\\x1b[2J"]


def test_they_are_read_from_the_results(tmp_path: Path) -> None:
    assert closing_lines.of_results(tmp_path) == []
    file = tmp_path / closing_lines.FILE
    file.write_text(SUMMARY.model_dump_json())
    assert closing_lines.of_results(tmp_path) == LINES


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"winner": 1})])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / closing_lines.FILE).write_text(content)
    assert closing_lines.of_results(tmp_path) == []
