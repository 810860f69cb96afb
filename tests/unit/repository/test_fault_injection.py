"""Fault-injection tests: differences are detected, and the damage is as intended."""

from __future__ import annotations

from pathlib import Path

from bertfit.core import files
from conftest import ROOT
from fault_injection import damage
from fault_injection.copies import Copy, differences


def results(folder: Path) -> Copy:
    copy = Copy.there(folder, "speck")
    for name in ("tables/table1.csv", "encoders/mini/model.safetensors", "encoders/mini/run.json", "logs/a/b.log"):
        files.write_text(copy.results / name, f"content of {name}")
    files.write_text(copy.results / "report.html", "seconds")
    return copy


def test_a_byte_more_or_less_is_a_difference(tmp_path: Path) -> None:
    first, second = (results(tmp_path / name) for name in "ab")
    assert list(first.outputs()) == ["encoders/mini/model.safetensors", "tables/table1.csv"], "no logs, no clocks"
    assert differences(first.outputs(), second.outputs()) == []
    files.write_text(second.results / "tables/table1.csv", "Content of tables/table1.csv")
    files.write_text(second.results / "tables/table2.csv", "")
    (second.results / "encoders/mini/model.safetensors").unlink()
    assert differences(first.outputs(), second.outputs()) == [
        "encoders/mini/model.safetensors: missing",
        "tables/table1.csv: different bytes",
        "tables/table2.csv: unexpected",
    ]


def test_every_damage_changes_a_file_and_keeps_its_digest(tmp_path: Path) -> None:
    copy = results(tmp_path)
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    path = copy.results / "tables/table1.csv"
    half = b"content of tab"
    for how, expected in ((damage.half, half), (damage.empty, b""), (damage.zeros, half + bytes(14))):
        files.write_text(path, "content of tables/table1.csv")
        before = path.stat().st_mtime_ns
        damage._damage(path, how, keep_times=True)
        assert path.read_bytes() == expected and path.stat().st_mtime_ns == before
        assert copy.verify() == ["tables/table1.csv"] and not path.exists()
