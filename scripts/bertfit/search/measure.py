"""Finished runs of candidates, measured on the validation data, and their leads on each other.

Shapes: N validation texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import Evaluation
from bertfit.experiments import ids, job_record
from bertfit.experiments.job_record import JobRecord
from bertfit.search.search_record import Lead, MeasuredRun, Metric, Trained
from bertfit.statistics import bootstrap, label_metrics, metrics, paired_tests
from bertfit.statistics.cluster_values import Clusters

TOLERANCE = 1e-6
"""epochs: a run that reached those of its recipe was not stopped early"""


def evaluation(folder: Path) -> Evaluation:
    """What a run is measured by: its last evaluation, or its best one if it was stopped early.

    That of a run which diverged is the constant guess. Raises `UserError` for a run that is incomplete.
    """
    path, history = folder / "predictions.parquet", folder / "history.csv"
    selected = dict(predictions.selected_evaluations(path, history))
    first = selected[min(selected)]
    record = job_record.read(folder / "run.json", JobRecord)
    recipe = record.spec.get("recipe") or {}
    stopped = bool(recipe.get("patience")) and first["last"].epoch < recipe["epochs"] - TOLERANCE
    return first["best" if stopped and _diverged_at(record) is None else "last"]


def run(trained: Trained, number: int, root: Path) -> MeasuredRun:
    """Measure a finished run of round ``number``; ``root`` is the folder of the results."""
    folder = root / trained.folder
    found, record = evaluation(folder), job_record.read(folder / "run.json", JobRecord)
    encoders = ids.encoders_of(trained.encoder, record.spec.get("seeds", [])) if "~" in trained.encoder else []
    wrong = found.predicted != found.labels
    low, high = metrics.wilson(float(wrong.sum()), len(wrong))
    everything = np.arange(len(wrong))
    return MeasuredRun(
        **trained.model_dump(),
        round=number,
        error=float(wrong.mean()),
        low=low,
        high=high,
        macro_f1=_score("macro_f1", found)(everything),
        micro_f1=_score("micro_f1", found)(everything),
        seconds=record.cost.seconds or 0.0,
        pretraining_seconds=sum(_seconds(root / "encoders" / encoder) for encoder in encoders),
        ended=found.epoch,
        diverged_at=_diverged_at(record),
    )


def lead(winner: MeasuredRun, other: MeasuredRun, metric: Metric, root: Path, clusters: Clusters | None = None) -> Lead:
    """By how much ``winner`` is ahead of ``other``, with a 95 % interval, on the same validation texts."""
    ours, theirs = (evaluation(root / each.folder) for each in (winner, other))
    value, low, high = difference(ours, theirs, metric, clusters)
    return Lead(candidate=other.candidate, title=other.title, value=value, low=low, high=high)


def difference(
    ours: Evaluation, theirs: Evaluation, metric: Metric, clusters: Clusters | None = None
) -> tuple[float, float, float]:
    """Difference of scores on the same texts with its interval.

    Of errors that of `paired_tests.difference`; of F1 the percentiles of paired resamples of the texts, or of their
    ``clusters``.
    """
    if metric == "error":
        values = (theirs.predicted != theirs.labels).astype(float) - (ours.predicted != ours.labels)
        if len(values) < 2:
            return float(values.mean()), -1.0, 1.0
        found = paired_tests.difference(values[None], clusters)
        return found.value, *found.interval()
    size, (our_score, their_score) = len(ours.labels), (_score(metric, each) for each in (ours, theirs))
    resamples = bootstrap.rows(clusters or Clusters.alone(size), seed=size)
    value, *resampled = [our_score(rows) - their_score(rows) for rows in chain([np.arange(size)], resamples)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return value, float(low), float(high)


def _score(metric: Metric, found: Evaluation) -> Callable[[NDArray], float]:
    """Macro-F1 or micro-F1 (``metric``) of some rows of an evaluation; one label a text is a set of one."""
    one = found.sets is None
    given = np.eye(found.logits.shape[1], dtype=bool)[found.predicted] if one else label_sets.predicted(found.logits)
    expected = found.members

    def score(rows: NDArray) -> float:
        return float(getattr(label_metrics.measure(given[rows], expected[rows]), metric))

    return score


def _diverged_at(record: JobRecord) -> int | None:
    """The step at which the run's only seed diverged, if it did."""
    return next(iter(record.diverged_at.values()), None)


def _seconds(folder: Path) -> float:
    """Seconds of a training, from its record."""
    return job_record.read(folder / "run.json", JobRecord).cost.seconds or 0.0
