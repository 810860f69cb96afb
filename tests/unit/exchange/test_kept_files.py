"""Files of an export: what is there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.exchange.kept_files import write_new


def test_what_is_there_stays(tmp_path: Path) -> None:
    first, second = tmp_path / "a/first", tmp_path / "b/second"
    write_new({first: "1\n"})
    before = first.stat().st_mtime_ns
    write_new({first: "1\n", second: "é"})
    assert first.stat().st_mtime_ns == before and second.read_text(encoding="utf-8") == "é"
    third = tmp_path / "third"
    with pytest.raises(UserError, match="second: is there with other content .*; use another --out"):
        write_new({third: "3", second: "e"})
    assert not third.exists() and second.read_text(encoding="utf-8") == "é"
