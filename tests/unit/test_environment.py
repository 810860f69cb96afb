"""One set of pins: lock, conda environment and installed packages agree."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

from ruamel.yaml import YAML

from conftest import ROOT


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): version for name, version in pins.items()}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_conda_environment_has_the_pins_of_the_lock() -> None:
    declared = YAML(typ="safe").load(ROOT / "envs" / "bertfit.yaml")
    pins = dict(pin.split("==") for pin in declared["dependencies"][-1]["pip"])
    assert {canonical(name): version for name, version in pins.items()} == locked()


def test_every_requirement_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [one for group in project["optional-dependencies"].values() for one in group]
    names = {canonical(re.split(r"[\[<>=~ ]", one)[0]) for one in wanted}
    assert names <= set(locked())


def test_installed_versions_are_the_locked_ones() -> None:
    for name, version in locked().items():
        assert metadata.version(name).split("+")[0] == version, f"{name}: run `make {'.venv/installed'}`"


def test_every_module_has_its_room_in_the_architecture() -> None:
    rooms = (ROOT / "ARCHITECTURE.md").read_text()
    modules = {path.stem for path in (ROOT / "scripts/bertfit").glob("*.py")} - {"__init__"}
    assert not {module for module in modules if f"`{module}`" not in rooms}


def test_every_target_of_make_has_a_recipe():
    """make says "Nothing to be done" of a phony target without one, and succeeds."""
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
