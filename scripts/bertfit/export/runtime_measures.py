"""Speed and agreement of the libraries that can compute an exported classifier: torch, ONNX Runtime, 8-bit ONNX.

All on the CPU, on texts of the test split, in a few seconds. R: texts, C: classes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bertfit.inference.answers import Decision
from bertfit.inference.model_folder import ONNX, ModelFolder
from bertfit.inference.onnx_classifier import OnnxClassifier
from bertfit.inference.text_classifier import Runtime, TextClassifier
from bertfit.runtime import hardware

TITLES: dict[Runtime, str] = {"torch": "torch", "onnx": "ONNX, float32", "onnx8": "ONNX, 8-bit"}
SECONDS = 4.0  # of each of the two measurements, of all runtimes together
BATCH = 32  # texts, fewer where they would take longer than that


@dataclass(frozen=True)
class RuntimeMeasure:
    """What was measured of one runtime.

    ``size``: bytes of its weights; ``single_ms``: median milliseconds for one text; ``per_second``: texts a second in
    batches; ``same``: share of the compared texts with the answer of torch; ``difference``: largest
    difference of a probability from torch's.
    """

    title: str
    size: int
    single_ms: float
    per_second: float
    same: float
    difference: float


@dataclass(frozen=True)
class RuntimeComparison:
    """The runtimes of a folder, torch first, on ``compared`` texts; empty with the ``reason`` why there is only one.

    ``batch``: texts of a batch.
    """

    measures: list[RuntimeMeasure] = field(default_factory=list)
    compared: int = 0
    batch: int = BATCH
    processor: str = ""
    threads: int = 1
    reason: str = ""


def measure(path: Path, texts: Sequence[str], *, threads: int = 1, seconds: float = SECONDS) -> RuntimeComparison:
    """Measure the runtimes of a transformers folder with ONNX files on ``texts``, of which as many are used as fit.

    Raises `UserError` where the folder lacks a file, `ValueError` without texts.
    """
    import torch

    from bertfit.inference.packed_classifier import PackedClassifier

    if not texts:
        raise ValueError("no texts to measure on")
    folder = ModelFolder.open(path)
    models: dict[Runtime, TextClassifier] = {
        "torch": PackedClassifier.load(path, threads, torch.device("cpu")),
        "onnx": OnnxClassifier.load(folder, path / ONNX["onnx"], threads),
        "onnx8": OnnxClassifier.load(folder, path / ONNX["onnx8"], threads),
    }
    weights = {"torch": path / "model.safetensors", **{runtime: path / file for runtime, file in ONNX.items()}}
    decision = Decision.of(folder.names, folder.several_labels, folder.settings.thresholds)
    spread = [texts[int(place)] for place in np.random.default_rng(0).permutation(len(texts))]
    for model in models.values():  # the first call allocates
        model.logits(spread[:1])
    singles = _timed(models, [[text] for text in spread], seconds)
    size = batch_size(sum(median(each.seconds) for each in singles.values()), seconds)
    batches = _timed(models, [spread[at : at + size] for at in range(0, len(spread), size)], seconds)
    reference = batches["torch"].logits
    measures = [
        RuntimeMeasure(
            title=TITLES[runtime],
            size=weights[runtime].stat().st_size,
            single_ms=1000 * median(singles[runtime].seconds),
            per_second=len(batches[runtime].logits) / sum(batches[runtime].seconds),
            same=agreement(decision, reference, batches[runtime].logits),
            difference=largest_difference(decision, reference, batches[runtime].logits),
        )
        for runtime in models
    ]
    return RuntimeComparison(measures, len(reference), size, hardware.processor(), threads)


def batch_size(single: float, limit: float) -> int:
    """Texts of a batch that take no longer than ``limit`` seconds, at ``single`` seconds each: 1 to `BATCH`."""
    return int(min(BATCH, max(1.0, limit / single)))


@dataclass
class _Calls:
    """Seconds of each call of a model, and the logits of all (R, C)."""

    seconds: list[float]
    logits: NDArray[np.float32]


def _timed(models: dict[Runtime, TextClassifier], calls: list[list[str]], limit: float) -> dict[Runtime, _Calls]:
    """Call every model in turn with the same texts, until ``limit`` seconds are over or all texts are used."""
    found: dict[Runtime, tuple[list[float], list[NDArray[np.float32]]]] = {runtime: ([], []) for runtime in models}
    began = time.perf_counter()
    for texts in calls:
        for runtime, model in models.items():
            started = time.perf_counter()
            logits = model.logits(texts)
            found[runtime][0].append(time.perf_counter() - started)
            found[runtime][1].append(logits)
        if time.perf_counter() - began > limit:
            break
    return {runtime: _Calls(seconds, np.concatenate(logits)) for runtime, (seconds, logits) in found.items()}


def agreement(decision: Decision, ours: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Share of texts with the same answer by logits (R, C) and by other logits (R, C)."""
    pairs = zip(decision.answers(ours), decision.answers(others), strict=True)
    return float(np.mean([one.labels == other.labels for one, other in pairs]))


def largest_difference(decision: Decision, ours: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Largest difference of a probability by logits (R, C) from that by other logits (R, C)."""
    sides = [np.array([answer.probabilities for answer in decision.answers(logits)]) for logits in (ours, others)]
    return float(np.abs(sides[0] - sides[1]).max())
