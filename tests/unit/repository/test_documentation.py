"""README and the hand-written pages say what is there: links, make targets, options of scripts, tests of choices."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import ROOT

PAGE = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
BY_HAND = [path for path in sorted((ROOT / "scripts").glob("*.py")) if "ArgumentParser" in path.read_text("utf-8")]


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    local = {target for target in targets if not target.startswith("https://")}
    assert len(local) > 15
    assert not {target for target in local if not (ROOT / target).is_file()}


def test_every_make_target_is_described() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert not {target for target in phony.split() if f"`make {target}" not in PAGE}


@pytest.mark.parametrize("script", BY_HAND, ids=lambda path: path.name)
def test_options_of_scripts_are_described(script: Path) -> None:
    section = PAGE.partition(f"### {script.name}\n")[2].partition("\n### ")[0]
    options = re.findall(r'add_argument\((?:"-\w", )?"(--[a-z-]+)"', script.read_text(encoding="utf-8"))
    assert section and not [option for option in options if f"`{option}" not in section and f"[{option}" not in section]


DEVIATIONS = (ROOT / "docs/explanation/deviations.md").read_text(encoding="utf-8")
CHOICES = [
    line
    for line in DEVIATIONS.partition("| question |")[2].partition("\n## ")[0].splitlines()[2:]
    if line.startswith("|")
]


def names_of_tests(path: str) -> set[str]:
    file = ROOT / "tests/unit" / path
    body = ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else []
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row.split("|")[1].strip())
def test_every_choice_has_a_test(row: str) -> None:
    cells = row.strip("|").split("|")
    assert len(cells) == 4 and re.fullmatch(r"( `[a-z_/]+\.py::test_\w+`,?)+ ", cells[3])


def test_the_tests_of_the_choices_are_there() -> None:
    named = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", DEVIATIONS)
    assert len(CHOICES) > 30 and len(named) >= len(CHOICES)
    assert not [f"{path}::{name}" for path, name in named if name not in names_of_tests(path)]
