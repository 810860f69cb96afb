"""Installed Python packages: where their files are, and what their metadata say. No package is imported."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from bertfit.core.errors import UserError


def folder(package: str) -> Path | None:
    """The folder of an installed top-level package, by the name that it is imported by; None if there is none."""
    try:
        spec = importlib.util.find_spec(package)  # of a top-level name: looks for files, and runs none of them
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def install_command(requirement: str) -> str:
    """What installs a package alone, without those that it declares to need: only its files are read."""
    return f"pip install --no-deps {requirement}"


def version(requirement: str) -> str:
    """The installed version of a distribution that is pinned as ``NAME==VERSION``.

    Raises `UserError` if it is not installed, or in another version.
    """
    name, _, pinned = requirement.partition("==")
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        raise UserError(f"package {name} is not installed: {install_command(requirement)}") from None
    if installed != pinned:
        raise UserError(
            f"package {name} is installed in version {installed}, and {pinned} is declared: "
            f"{install_command(requirement)}"
        )
    return installed


def distribution(package: str, requirement: str | None) -> str:
    """The name that pip knows a package by: that of its requirement; without one the name that it is imported by."""
    return requirement.partition("==")[0] if requirement else package


def facts(name: str) -> dict[str, str]:
    """The ``version`` of a distribution and its ``package_licence``, as far as its metadata say them."""
    try:
        found = {"version": metadata.version(name), "package_licence": licence(name)}
    except metadata.PackageNotFoundError:
        return {}
    return {key: value for key, value in found.items() if value}


def licence(name: str) -> str | None:
    """The licence that a distribution declares in its metadata; None if it declares none, or is not installed."""
    try:
        declared = metadata.metadata(name).json
    except metadata.PackageNotFoundError:
        return None
    texts = (str(declared.get(key, "")).strip() for key in ("license_expression", "license"))
    return next((text for text in texts if text and "\n" not in text), None)  # some hold a whole licence
