"""A release: one version, told alike by all files that state it; its changes; how it is cited."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import date

import pytest
from jsonschema import Draft7Validator
from packaging.version import Version
from ruamel.yaml import YAML

import bertfit
from conftest import ROOT

CITATION = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
HEADINGS = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
SCHEMA = ROOT / "tests/unit/repository/cff-1.2.0.schema.json"
"""the published schema of the Citation File Format (CC-BY-4.0), unchanged"""


def test_the_version_stands_in_the_package_alone() -> None:
    """It is read without an installation, and setuptools reads it from there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "bertfit.__version__"}
    program = "import bertfit; print(bertfit.__version__)"
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); {program}",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert printed == bertfit.__version__ and re.fullmatch(r"\d+\.\d+\.\d+", printed)


def test_the_latest_changes_are_those_of_the_version() -> None:
    unreleased, latest, *before = HEADINGS
    assert unreleased == "Unreleased"
    versions = []
    for heading in (latest, *before):
        number, day = re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", heading).groups()
        versions.append((Version(number), date.fromisoformat(day)))
    assert versions == sorted(set(versions), reverse=True)
    assert versions[0][0] == Version(bertfit.__version__)
    assert str(versions[0][1]) == str(CITATION["date-released"])


@pytest.mark.skipif("RELEASE" not in os.environ, reason="make release-check: between releases changes wait")
def test_no_change_waits_for_another_version() -> None:
    between = CHANGELOG.split("## Unreleased\n", 1)[1].split("\n## ", 1)[0]
    assert not between.strip(), "move these to the section of the version"


def test_the_citation_is_of_this_version_and_valid() -> None:
    content = json.loads(json.dumps(CITATION, default=str))
    problems = [error.message for error in Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(content)]
    assert not problems
    assert str(CITATION["version"]) == bertfit.__version__
    assert CITATION["license"] in (ROOT / "LICENSE").read_text().splitlines()[0]
    (paper,) = CITATION["references"]
    dois = {paper["doi"], *(each["value"] for each in paper["identifiers"] if each["type"] == "doi")}
    assert dois == {"10.1007/978-3-030-32381-3_16", "10.48550/arXiv.1905.05583"}
    names = [author["family-names"] for author in paper["authors"]]
    assert f"({', '.join(names[:-1])} and {names[-1]} {paper['year']}" in (ROOT / "README.md").read_text().replace(
        "\n", " "
    )


def test_an_invalid_citation_is_found() -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    content = json.loads(json.dumps(CITATION, default=str))
    assert not validator.is_valid({**content, "license": "no licence"})
    assert not validator.is_valid({key: value for key, value in content.items() if key != "authors"})
    assert not validator.is_valid({**content, "references": [{"type": "article", "title": "x"}]})


def test_images_and_their_commands_name_the_version() -> None:
    docker, apptainer = ((ROOT / "containers" / name).read_text() for name in ("Dockerfile", "bertfit.def"))
    page = (ROOT / "docs/how-to/environments.md").read_text()
    assert f"-t bertfit:{bertfit.__version__} " in docker and f"-t bertfit:{bertfit.__version__} " in page
    assert f'org.opencontainers.image.version="{bertfit.__version__}"' in docker
    assert f"org.opencontainers.image.version {bertfit.__version__}\n" in apptainer
