"""The encoder of a search on your own dataset: declared by a folder or a hub id, and what its family changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertfit.core import yaml_loader
from bertfit.core.errors import UserError
from bertfit.core.row_readers import explain_errors
from bertfit.encoders import encoder_folder, families, hub_encoder


def declared(name: str, studies: Path) -> dict[str, Any]:
    """The declaration of an encoder: of its folder, or of the hub id ``name`` as another study pins it."""
    defaults = dict.fromkeys(("package", "requirement", "folder", "hub", "revision", "licence", "family"))
    folder = Path(name).expanduser()
    with explain_errors(folder):
        found = (folder / "config.json").is_file()
    if found:
        try:
            facts = encoder_folder.declared(folder)
        except UserError as error:
            raise UserError(f"encoder={name}: {error}") from error
        return defaults | {"title": folder.resolve().name, "folder": str(folder.resolve())} | facts
    declared = [encoder for path in sorted(studies.glob("*.yaml")) for encoder in _hub_encoders(path)]
    for encoder in declared:
        if encoder["hub"] == name:
            return defaults | {
                key: encoder[key]
                for key in ("title", "hub", "revision", "layers", "licence", "family")
                if key in encoder
            }
    if hub_encoder.HUB_ID.fullmatch(name) and not folder.parent.is_dir():
        try:
            return defaults | hub_encoder.completed({"hub": name})
        except UserError as error:
            raise UserError(f"encoder={name}: {error}") from error
    raise UserError(
        f"encoder={name}: neither a folder with config.json nor the id of a model of the hub (OWNER/NAME); "
        f"{encoder_folder.FAMILY}"
    )


def _hub_encoders(path: Path) -> list[dict[str, Any]]:
    encoders = yaml_loader.load(path).value.get("encoders") or {}
    return [dict(encoder) for encoder in encoders.values() if encoder and encoder.get("hub")]


def fitting(candidates: Mapping[str, Any], encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of the candidates for an encoder whose layers share their weights: no rates by layer.

    A candidate that is nothing else then is left out.
    """
    if not families.FAMILIES[encoder.get("family") or "bert"].shares_layers:
        return {}
    by_layer = {name: of for name, of in candidates.items() if "layer_decay" in of.get("recipe", {})}
    alone = [name for name, of in by_layer.items() if len(of["recipe"]) == 1 and not of.get("pretrained")]
    changed = {name: None if name in alone else {"recipe": {"layer_decay": None}} for name in by_layer}
    return {"candidates": changed}
