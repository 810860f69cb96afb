"""Size of a base encoder, also before it is on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bertfit.core import installed_packages
from bertfit.core.files import read_json
from bertfit.encoders import families
from bertfit.encoders.families import FAMILIES
from bertfit.experiments.summary_specs import PlannedEncoder
from bertfit.plan import flops
from bertfit.plan.flops import Size


def of(encoder: PlannedEncoder, base: str, note: Callable[[str], None]) -> Size:
    """Size of an encoder: from its config.json, its declared shape, or its name and depth (`flops.fetched`).

    ``note`` is told what had to be assumed.
    """
    if shape := encoder.shape:
        vocabulary = encoder.vocabulary or flops.VOCABULARY
        wide = round(shape.intermediate * FAMILIES[shape.family].feed_forward)
        return Size(shape.layers, shape.hidden, wide, vocabulary, shape.positions)
    for folder in (Path(encoder.config).parent, *_local(encoder)):
        if found := of_folder(folder):
            return found
    name = encoder.hub or encoder.package
    size = flops.fetched(name, encoder.layers)
    if name not in flops.KNOWN:
        note(f"encoder {base}: size unknown until it is here; hidden size {size.hidden} assumed from its depth")
    return size


def of_folder(folder: Path) -> Size | None:
    """Size of an encoder in a folder, from its config.json; None if that is missing or of no family that is known."""
    try:
        return _read(folder / "config.json")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(config: Path) -> Size:
    values = read_json(config)
    family = families.of(values)
    if family is None:
        raise ValueError(f"{config}: of no family that is known")
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size", "max_position_embeddings")
    layers, hidden, intermediate, vocabulary, positions = (int(family.value(values, name)) for name in names)
    return Size(layers, hidden, round(intermediate * family.feed_forward), vocabulary, positions)


def _local(encoder: PlannedEncoder) -> list[Path]:
    """Where an encoder from a folder or a package may lie; others of a package have a config.json, too (pooling)."""
    if encoder.folder:
        return [Path(encoder.folder).expanduser()]
    folder = installed_packages.folder(encoder.package) if encoder.package else None
    return sorted(path.parent for path in folder.rglob("config.json")) if folder else []
