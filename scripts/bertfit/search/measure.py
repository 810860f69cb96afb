"""Finished runs of candidates, measured on the validation data, and their leads on each other.

Shapes: N validation texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import Evaluation
from bertfit.experiments import job_record
from bertfit.experiments.job_record import JobRecord
from bertfit.search.search_record import Lead, Measured, Metric, Trained
from bertfit.statistics import metrics

RESAMPLES = 2000
Floats = NDArray[np.float64]


def evaluation(folder: Path) -> Evaluation:
    """What a run is measured by: its last evaluation, or its best one if it was stopped early.

    Raises `UserError` for a run that is incomplete.
    """
    path, history = folder / "predictions.parquet", folder / "history.csv"
    selected = dict(predictions.selected_evaluations(path, history))
    first = selected[min(selected)]
    record = job_record.read(folder / "run.json", JobRecord)
    patience = (record.spec.get("recipe") or {}).get("patience")
    return first["best" if patience else "last"]


def run(trained: Trained, number: int, root: Path) -> Measured:
    """Measure a finished run of round ``number``; ``root`` is the folder of the results."""
    found = evaluation(root / trained.folder)
    error = metrics.summarise(found.predicted[None], found.labels, found.logits.shape[1])
    counts = metrics.confusion(found.predicted, found.labels, found.logits.shape[1])
    return Measured(
        **trained.model_dump(),
        round=number,
        error=error.mean,
        low=error.low,
        high=error.high,
        macro_f1=float(metrics.macro_f1(counts)[0]),
        micro_f1=1 - error.mean,
        seconds=_seconds(root / trained.folder),
        pretraining_seconds=_seconds(root / "encoders" / trained.encoder) if "~" in trained.encoder else 0.0,
        ended=found.epoch,
    )


def lead(winner: Measured, other: Measured, metric: Metric, root: Path) -> Lead:
    """By how much ``winner`` is ahead of ``other``, with the 95 % interval of a bootstrap over validation texts."""
    ours, theirs = (evaluation(root / each.folder) for each in (winner, other))
    value, low, high = difference(ours, theirs, metric)
    return Lead(candidate=other.candidate, title=other.title, value=value, low=low, high=high)


def difference(ours: Evaluation, theirs: Evaluation, metric: Metric) -> tuple[float, float, float]:
    """Difference of scores on the same texts, and its interval (percentiles of `RESAMPLES` paired resamples)."""
    size, classes = ours.logits.shape
    score = _score(metric, classes)
    random = np.random.default_rng(size)
    drawn = np.vstack([np.arange(size), random.integers(0, size, (RESAMPLES, size))])
    values = [
        score(ours.predicted[rows], ours.labels[rows]) - score(theirs.predicted[rows], theirs.labels[rows])
        for rows in drawn
    ]
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def _score(metric: Metric, classes: int) -> Callable[[NDArray, NDArray], float]:
    if metric == "macro_f1":
        return lambda predicted, labels: float(metrics.macro_f1(metrics.confusion(predicted, labels, classes))[0])
    return lambda predicted, labels: -float((predicted != labels).mean())


def _seconds(folder: Path) -> float:
    """Seconds of a training, from its record."""
    return job_record.read(folder / "run.json", JobRecord).cost.seconds or 0.0
