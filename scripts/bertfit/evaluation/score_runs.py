"""Scores of every run (error, macro-F1, Matthews, intervals over seeds and examples) as ``results.parquet``.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.evaluation import metrics
from bertfit.evaluation.metrics import wilson
from bertfit.evaluation.predictions import Evaluation, read_evaluations
from bertfit.evaluation.results_file import SCHEMA, SELECTIONS
from bertfit.experiments.cells import RunGroup

Selected = dict[str, Evaluation]
"""selection (``last`` or ``best``) -> the selected evaluation of one seed"""


@dataclass(frozen=True)
class RunFiles:
    """One block of seeds of a (corpus, encoder, recipe): its ``predictions.parquet`` and ``history.csv``."""

    run_group: RunGroup
    predictions: Path
    history: Path


def build(runs: Sequence[RunFiles], out: Path, *, study: str) -> None:
    """Score runs into ``out``: one row per (run, selection), sorted, with the columns of `results_file.SCHEMA`.

    ``last`` is the last evaluation; ``best`` the one with the lowest validation error where the run
    has one, else with the lowest test error as the official code selects (run_classifier_single_layer.py), the first of
    ties. The interval of a (corpus, encoder, recipe) is `interval` over all seeds that are here.

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
        for seed, selected in _selected(path, block.history):
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


def _selected(predictions: Path, history: Path) -> Iterator[tuple[int, Selected]]:
    """Each seed of a block with its selected evaluations."""
    evaluation_at = {(evaluation.seed, evaluation.step): evaluation for evaluation in read_evaluations(predictions)}
    log = pd.read_csv(history).dropna(subset=["test_error"]).sort_values(["seed", "step"])
    if {seed for seed, _ in evaluation_at} != set(log["seed"]):
        raise UserError(f"{history}: its seeds are not those of {predictions.name}; delete the folder and run again")
    for seed in sorted(set(log["seed"])):
        evaluations = log[log["seed"] == seed].reset_index(drop=True)
        chosen_on = "test_error" if evaluations["validation_error"].isna().all() else "validation_error"
        indices = {"last": len(evaluations) - 1, "best": int(np.nanargmin(evaluations[chosen_on]))}
        selected = {}
        for selection, index in indices.items():
            step, logged = int(evaluations["step"][index]), float(evaluations["test_error"][index])
            if (seed, step) not in evaluation_at:
                raise UserError(f"{predictions}: no predictions of seed {seed} at step {step}; delete it and run again")
            evaluation = selected[selection] = evaluation_at[seed, step]
            error = 100 * float((evaluation.predicted != evaluation.labels).mean())
            if abs(error - logged) > 0.01:
                raise UserError(
                    f"{predictions}: {error:.2f} % wrong for seed {seed} at step {step}, but {history.name} says "
                    f"{logged:.2f} %; delete the folder and run again"
                )
        yield int(seed), selected


def _classes(predicted: NDArray, labels: NDArray) -> int:
    """Highest class that occurs, plus 1; classes that never occur change no metric."""
    return 1 + int(max(predicted.max(), labels.max()))
