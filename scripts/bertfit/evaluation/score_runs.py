"""Scores of every run (error, macro-F1, Matthews, intervals over seeds and examples) as ``results.parquet``.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.files import atomic
from bertfit.evaluation.predictions import Evaluation, Selected, selected_evaluations
from bertfit.evaluation.results_file import SCHEMA, SELECTIONS
from bertfit.experiments.cells import RunGroup
from bertfit.statistics import label_metrics, metrics
from bertfit.statistics.cluster_values import Clusters, check_clusters
from bertfit.statistics.failed_runs import failed
from bertfit.statistics.further_run import prediction_interval
from bertfit.statistics.metrics import wilson
from bertfit.statistics.paired_tests import at_common_error, difference


@dataclass(frozen=True)
class RunFiles:
    """One block of seeds of a (corpus, encoder, recipe): its ``predictions.parquet`` and ``history.csv``."""

    run_group: RunGroup
    predictions: Path
    history: Path


def build(
    runs: Sequence[RunFiles], out: Path, *, study: str, clusters: Mapping[str, Clusters] = MappingProxyType({})
) -> None:
    """Score runs into ``out``: one row per (run, selection), sorted, with the columns of `results_file.SCHEMA`.

    `predictions.selected_evaluations` says which evaluation is ``last`` and which ``best``. The interval of a
    (corpus, encoder, recipe) is `interval` over all seeds that are here. ``clusters``: corpus -> those of its test
    examples; without, each is alone.

    Raises `UserError` where predictions and history do not match, a seed is scored twice, or seeds were tested on
    different examples.
    """
    blocks: dict[RunGroup, list[RunFiles]] = {}
    for run in runs:
        blocks.setdefault(run.run_group, []).append(run)
    scored = [_scored(blocks[run_group], clusters.get(run_group.corpus)) for run_group in sorted(blocks, key=astuple)]
    worse = _worse_than_lowest(scored, clusters)
    rows = [
        {"study": study, **vars(group.run_group), **row, "p_lowest": worse[group.run_group, row["selection"]]}
        for group in scored
        for row in group.rows
    ]
    with atomic(out) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary)


def interval(predicted: NDArray, labels: NDArray, clusters: Clusters | None = None) -> tuple[float, float]:
    """95 % interval, in percent, of the mean error of ``predicted`` [S, N] against ``labels`` [N].

    With several seeds it generalises to other seeds and other test examples (`metrics.summarise`); with one seed it is
    Wilson's, for that trained model on other examples, of as many as the ``clusters`` are worth.
    """
    seeds, examples = predicted.shape
    if min(seeds, examples) > 1:
        summary = metrics.summarise(predicted, labels, _classes(predicted, labels), clusters=clusters)
        return 100 * summary.low, 100 * summary.high
    wrong = predicted != labels
    independent = clusters.effective_examples(wrong) if clusters else float(examples)
    low, high = wilson(float(wrong.mean()) * independent, independent)
    return 100 * low, 100 * high


@dataclass(frozen=True)
class _Scored:
    """The rows of one (corpus, encoder, recipe), and by selection which examples were wrong [S, N]."""

    run_group: RunGroup
    seeds: list[int]
    rows: list[dict[str, Any]]
    wrong: dict[str, NDArray[np.bool_]]


def _scored(blocks: Sequence[RunFiles], clusters: Clusters | None) -> _Scored:
    """The scores of one (corpus, encoder, recipe); rows by seed and selection."""
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
    check_clusters(clusters, len(labels), blocks[0].run_group.corpus)
    seeds = sorted(selected_of)
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    wrong: dict[str, NDArray[np.bool_]] = {}
    for selection in SELECTIONS:
        evaluations = [selected_of[seed][selection] for seed in seeds]
        predicted = np.stack([evaluation.predicted for evaluation in evaluations])
        counts = metrics.confusion(predicted, labels, _classes(predicted, labels))
        low, high = interval(predicted, labels, clusters)
        wrong[selection] = predicted != labels
        errors_of_seeds = wrong[selection].mean(-1)
        failures = int(failed(wrong[selection], labels).sum())
        further = prediction_interval(errors_of_seeds, len(labels), failures)
        run_low, run_high = (100 * bound for bound in further) if further else (None, None)
        for index, evaluation in enumerate(evaluations):
            errors = int(wrong[selection][index].sum())
            rows[evaluation.seed, selection] = {
                "seed": evaluation.seed,
                "selection": selection,
                "step": evaluation.step,
                "epoch": evaluation.epoch,
                "n": len(labels),
                "errors": errors,
                "error": 100 * errors / len(labels),
                "macro_f1": _macro_f1(evaluation, counts[index]),
                "mcc": float(metrics.matthews(counts[index])),
                "low": low,
                "high": high,
                "failed": failures,
                "run_low": run_low,
                "run_high": run_high,
            }
    ordered = [rows[seed, selection] for seed in seeds for selection in SELECTIONS]
    return _Scored(blocks[0].run_group, seeds, ordered, wrong)


def _macro_f1(evaluation: Evaluation, counts: NDArray[np.int64]) -> float:
    """Of the classes, from a confusion matrix; where examples have several, of these and not of their sets."""
    if evaluation.sets is None:
        return float(metrics.macro_f1(counts))
    return float(label_metrics.measure(label_sets.predicted(evaluation.logits), evaluation.members).macro_f1)


def _worse_than_lowest(
    scored: Sequence[_Scored], clusters: Mapping[str, Clusters]
) -> dict[tuple[RunGroup, str], float | None]:
    """(run group, selection) -> p of no difference from the group with the lowest mean error on its corpus.

    None where the test examples differ, or are fewer than two.
    """
    found: dict[tuple[RunGroup, str], float | None] = {}
    for selection in SELECTIONS:
        lowest: dict[str, _Scored] = {}
        for group in scored:
            corpus = group.run_group.corpus
            if corpus not in lowest or group.wrong[selection].mean() < lowest[corpus].wrong[selection].mean():
                lowest[corpus] = group
        for group in scored:
            corpus = group.run_group.corpus
            found[group.run_group, selection] = _p(group, lowest[corpus], selection, clusters.get(corpus))
    return found


def _p(group: _Scored, lowest: _Scored, selection: str, clusters: Clusters | None) -> float | None:
    """p of no difference between two groups, paired by seeds; all seeds with a run that has none of them."""
    common = sorted(set(group.seeds) & set(lowest.seeds))
    sides = []
    for side in (group, lowest):
        rows = [side.seeds.index(seed) for seed in common] if len(common) > 1 else slice(None)
        sides.append(side.wrong[selection][rows].astype(np.float64))
    if sides[0].shape[-1] != sides[1].shape[-1] or sides[0].shape[-1] < 2:
        return None
    if len(common) < 2:  # unpaired: each seed of one side against the mean of the other
        few, many = sorted(sides, key=len)
        sides = [many, np.broadcast_to(few.mean(0), many.shape)]
    inflation = at_common_error(sides[0].mean(-1), sides[1].mean(-1), sides[0].shape[-1])
    return difference(sides[0] - sides[1], clusters, float(inflation)).p()


def _classes(predicted: NDArray, labels: NDArray) -> int:
    """Highest class that occurs, plus 1; classes that never occur change no metric."""
    return 1 + int(max(predicted.max(), labels.max()))
