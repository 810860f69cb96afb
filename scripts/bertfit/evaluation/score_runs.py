"""Scores of every run (error, macro-F1, Matthews, intervals over seeds and examples) as ``results.parquet``.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.evaluation import metrics
from bertfit.evaluation.metrics import wilson
from bertfit.evaluation.predictions import Selected, selected_evaluations
from bertfit.evaluation.results_file import SCHEMA, SELECTIONS
from bertfit.experiments.cells import RunGroup


@dataclass(frozen=True)
class RunFiles:
    """One block of seeds of a (corpus, encoder, recipe): its ``predictions.parquet`` and ``history.csv``."""

    run_group: RunGroup
    predictions: Path
    history: Path


def build(runs: Sequence[RunFiles], out: Path, *, study: str) -> None:
    """Score runs into ``out``: one row per (run, selection), sorted, with the columns of `results_file.SCHEMA`.

    `predictions.selected_evaluations` says which evaluation is ``last`` and which ``best``. The interval of a
    (corpus, encoder, recipe) is `interval` over all seeds that are here.

    Raises `UserError` where predictions and history do not match, a seed is scored twice, or seeds were tested on
    different examples.
    """
    blocks: dict[RunGroup, list[RunFiles]] = {}
    for run in runs:
        blocks.setdefault(run.run_group, []).append(run)
    rows = [
        {"study": study, **vars(run_group), **row}
        for run_group in sorted(blocks, key=astuple)
        for row in _rows(blocks[run_group])
    ]
    with atomic(out) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary)


def interval(predicted: NDArray, labels: NDArray) -> tuple[float, float]:
    """95 % interval, in percent, of the mean error of ``predicted`` [S, N] against ``labels`` [N].

    With several seeds it generalises to other seeds and other test examples (`metrics.summarise`); with one seed it is
    Wilson's, for that trained model on other examples.
    """
    seeds, examples = predicted.shape
    if min(seeds, examples) > 1:
        summary = metrics.summarise(predicted, labels, _classes(predicted, labels))
        return 100 * summary.low, 100 * summary.high
    low, high = wilson(float((predicted != labels).sum()) / seeds, examples)
    return 100 * low, 100 * high


def _rows(blocks: Iterable[RunFiles]) -> list[dict[str, Any]]:
    """Rows of one (corpus, encoder, recipe), by seed and selection."""
    selected_of: dict[int, Selected] = {}
    labels: NDArray[np.int32] | None = None
    for block in blocks:
        path = block.predictions
        for seed, selected in selected_evaluations(path, block.history):
            if seed in selected_of:
                names = "/".join(astuple(block.run_group))
                raise UserError(f"run {names} with seed {seed} is in two blocks and would be scored twice; delete one")
            labels = selected["last"].labels if labels is None else labels
            if not np.array_equal(selected["last"].labels, labels):
                raise UserError(f"{path}: other test examples than another block of its run; delete both and run again")
            selected_of[seed] = selected
    assert labels is not None
    seeds = sorted(selected_of)
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for selection in SELECTIONS:
        evaluations = [selected_of[seed][selection] for seed in seeds]
        predicted = np.stack([evaluation.predicted for evaluation in evaluations])
        counts = metrics.confusion(predicted, labels, _classes(predicted, labels))
        low, high = interval(predicted, labels)
        for index, evaluation in enumerate(evaluations):
            errors = int((predicted[index] != labels).sum())
            rows[evaluation.seed, selection] = {
                "seed": evaluation.seed,
                "selection": selection,
                "step": evaluation.step,
                "epoch": evaluation.epoch,
                "n": len(labels),
                "errors": errors,
                "error": 100 * errors / len(labels),
                "macro_f1": float(metrics.macro_f1(counts[index])),
                "mcc": float(metrics.matthews(counts[index])),
                "low": low,
                "high": high,
            }
    return [rows[seed, selection] for seed in seeds for selection in SELECTIONS]


def _classes(predicted: NDArray, labels: NDArray) -> int:
    """Highest class that occurs, plus 1; classes that never occur change no metric."""
    return 1 + int(max(predicted.max(), labels.max()))
