"""Folders of encoders in Hugging Face format, before any weight is read: where they are, and what they declare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertfit.core import hub_download, installed_packages
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.encoders import families

WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"  # never read, since reading it may run what is in it
FAMILY = f"encoders of these families can be used: {families.names()}"


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of an encoder. Raises `UserError` if there is none, or if it is of no family that is known."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: no config.json; an encoder folder in Hugging Face format is needed")
    try:
        config = read_json(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); copy the folder again") from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: not a JSON object; copy the folder again")
    if families.of(config) is None:
        raise UserError(f"{path}: model_type is {config['model_type']!r}; {FAMILY}")
    if config.get("is_decoder"):
        raise UserError(f"{path}: is_decoder is true, so that no word sees those after it; give an encoder")
    if (config.get("num_hidden_groups") or 1) != 1:
        raise UserError(f"{path}: layers share weights in several groups (num_hidden_groups); give one with a single")
    if config.get("model_type") == "deberta-v2" and config.get("legacy") is False:
        raise UserError(f"{path}: legacy is false, a head of masked words that is not supported; save it by AutoModel")
    return config


def declared(folder: Path) -> dict[str, Any]:
    """``family`` and number of ``layers`` that config.json declares.

    Raises `UserError` where `read_config` does, and for a configuration without a number of layers.
    """
    config = read_config(folder)
    family = families.of(config)
    assert family is not None, "read_config refuses others"
    layers = family.value(config, "num_hidden_layers")
    if not isinstance(layers, int):
        raise UserError(f"{folder}: config.json does not give num_hidden_layers; is it that of an encoder?")
    return {"layers": layers, "family": family.model_type}


def of_package(name: str, requirement: str | None = None) -> Path:
    """The only folder of an installed package that holds an encoder.

    ``requirement``: distribution and version, where they are pinned. Raises `UserError` if it is not installed, in
    another version, or has no such folder or several.
    """
    path = installed_packages.folder(name)
    if path is None:
        raise UserError(f"package {name!r} is not installed: {installed_packages.install_command(requirement or name)}")
    if requirement:
        installed_packages.version(requirement, name)
    folders = sorted(config.parent for config in path.rglob("config.json"))
    with_weights = [folder for folder in folders if any((folder / weights).exists() for weights in (WEIGHTS, PICKLE))]
    if len(with_weights) != 1:
        raise UserError(f"{path}: {len(with_weights)} folders with config.json and weights; exactly one is needed")
    return with_weights[0]


def positions(encoder: Mapping[str, Any]) -> int | None:
    """Tokens of the longest text that a declared encoder reads; None if its folder is not on this machine."""
    config = facts(encoder)
    family = families.of(config)
    return family.positions(config) if family and config else None


def located(encoder: Mapping[str, Any]) -> Path | None:
    """The folder of a declared encoder; None if it is not on this machine."""
    if encoder.get("folder"):
        return Path(str(encoder["folder"])).expanduser()
    if encoder.get("hub") and encoder.get("revision"):
        config = hub_download.cached(str(encoder["hub"]), "config.json", str(encoder["revision"]))
        return config.parent if config else None
    try:
        return of_package(str(encoder["package"]), encoder.get("requirement")) if encoder.get("package") else None
    except UserError:
        return None


def facts(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a declared encoder; empty if it cannot be read: the job that reads it says what is wrong."""
    folder = located(encoder)
    try:
        return read_config(folder) if folder else {}
    except UserError:
        return {}
