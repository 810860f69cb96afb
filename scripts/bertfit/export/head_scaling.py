"""Temperature scaling of an exported classifier, built into its weights (Guo et al. 2017, "On calibration").

Probabilities of logits divided by a temperature T are calibrated better; the answers stay the same. With the weights
and biases of the head divided by T every program that loads the folder gives them, and none needs to know T.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.encoders import families
from bertfit.inference.model_folder import CONFIG, SETTINGS, WORD_COUNTS, ModelFolder

WEIGHTS = "model.safetensors"
WORD_COUNT_WEIGHTS = ("word_counts.safetensors", ("weights", "intercepts"))


def scale_head(folder: Path, temperature: float) -> None:
    """Divide the logits of the classifier in ``folder`` by ``temperature``, once and for all.

    config.json then has ``temperature`` under ``bertfit``; of word counts bertfit.json has it. Scaling again
    multiplies: T1 * T2. Files made from the weights, such as ONNX, are to be made afterwards. Raises `ValueError`
    unless the temperature is positive and finite, `UserError` for a folder without a classifier.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature {temperature}; it must be positive and finite")
    config = folder / CONFIG
    if (folder / WORD_COUNTS).is_file():
        _divide(folder / WORD_COUNT_WEIGHTS[0], WORD_COUNT_WEIGHTS[1], temperature)
        settings = ModelFolder.open(folder).settings
        settings = settings.model_copy(update={"temperature": settings.temperature * temperature})
        files.write_json(folder / SETTINGS, settings.model_dump(exclude_defaults=True))
        return
    if not config.is_file():
        raise UserError(f"{folder}: no model in it ({CONFIG} or {WORD_COUNTS}); give results/<study>/model")
    facts = files.read_json(config)
    output = (families.of(facts) or families.BERT).head.output
    _divide(folder / WEIGHTS, (f"{output}.weight", f"{output}.bias"), temperature)
    ours = facts.setdefault("bertfit", {})
    ours["temperature"] = ours.get("temperature", 1.0) * temperature
    files.write_json(config, facts)


def _divide(path: Path, names: tuple[str, ...], temperature: float) -> None:
    """Divide some tensors of a safetensors file; the others and its metadata stay."""
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load_file, save_file

    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata()
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); export the model again") from error
    if missing := [name for name in names if name not in tensors]:
        raise UserError(f"{path}: no {missing[0]}; it is not the file of a classifier")
    for name in names:
        tensors[name] = (tensors[name] / np.float32(temperature)).astype(tensors[name].dtype)
    with files.atomic(path) as temporary:
        save_file(tensors, temporary, metadata)
