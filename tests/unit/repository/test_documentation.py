"""README and the hand-written reference say what is there: links, make targets, options of scripts."""

from __future__ import annotations

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
