"""Folders of encoders in Hugging Face format, before any weight is read: where they are, and what they declare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertfit.core import installed_packages
from bertfit.core.errors import UserError
from bertfit.core.files import read_json

WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"  # never read, since reading it may run what is in it
FAMILY = "only BERT encoders can be used, no other family (RoBERTa, DistilBERT, ALBERT, ELECTRA, DeBERTa)"


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of an encoder. Raises `UserError` if there is none, or if it is not that of a BERT."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: no config.json; an encoder folder in Hugging Face format is needed")
    try:
        config = read_json(path)
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); copy the folder again") from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: not a JSON object; copy the folder again")
    kind = config.get("model_type", "bert")  # the first BERTs do not name it
    if kind != "bert":
        raise UserError(f"{path}: model_type is {kind!r}; {FAMILY}")
    return config


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
    """Word pieces of the longest sequence that a declared encoder reads; None if its folder is not on this machine."""
    return facts(encoder).get("max_position_embeddings")


def located(encoder: Mapping[str, Any]) -> Path | None:
    """The folder of a declared encoder; None if it is not on this machine."""
    if encoder.get("folder"):
        return Path(str(encoder["folder"]))
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
