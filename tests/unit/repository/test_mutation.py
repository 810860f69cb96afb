"""Mutation testing: what is declared is there; no mutant is made here."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import mutation
from conftest import ROOT

DECLARED = tomllib.loads((ROOT / "bench/mutation.toml").read_text(encoding="utf-8"))["modules"]
PAGE = (ROOT / "docs/measured/mutation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", DECLARED)
def test_modules_and_their_tests_are_there(module: str) -> None:
    assert (ROOT / f"scripts/bertfit/{module}.py").is_file() and DECLARED[module]
    assert all((ROOT / "tests/unit" / test.partition("::")[0]).is_file() for test in DECLARED[module])
    assert f"| `{module}` |" in PAGE


def test_a_copy_is_configured_for_one_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "WORK", tmp_path)
    folder = mutation.prepare("tokens/truncation", ["tokens/test_truncation.py"])
    settings = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert settings["only_mutate"] == ["bertfit/tokens/truncation.py"]
    assert settings["pytest_add_cli_args_test_selection"] == ["tests/unit/tokens/test_truncation.py"]
    assert (folder / "bertfit/tokens/truncation.py").read_text() == (
        ROOT / "scripts/bertfit/tokens/truncation.py"
    ).read_text()
    assert all((folder / name).exists() for name in (*settings["also_copy"], *settings["source_paths"]))
    ast.parse((folder / "mutation_profile.py").read_text())
