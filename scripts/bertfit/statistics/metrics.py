"""Error rate, macro-F1 and Matthews correlation over seeds, with intervals.

Shapes: S seeds, N test examples, C classes. A confusion matrix has the label in its row, the prediction in its column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

from bertfit.statistics import bootstrap
from bertfit.statistics.bootstrap import Floats
from bertfit.statistics.cluster_values import Clusters
from bertfit.statistics.paired_tests import difference
from bertfit.statistics.significance import LEVEL


def predictions(logits: NDArray) -> NDArray[np.int64]:
    """[S, N] predicted classes of logits [S, N, C]; the first of ties."""
    return np.asarray(logits).argmax(axis=-1)


def confusion(predicted: NDArray, labels: NDArray, classes: int) -> NDArray[np.int64]:
    """[S, C, C] counts of ``predicted`` [S, N] against ``labels`` [N].

    Raises `ValueError` where the shapes differ or a class is out of range.
    """
    predicted, labels = np.atleast_2d(predicted), np.asarray(labels)
    if predicted.shape[1:] != labels.shape:
        raise ValueError(f"predictions of {predicted.shape[1]} examples, labels of {labels.shape[0]}")
    if min(predicted.min(), labels.min()) < 0 or max(predicted.max(), labels.max()) >= classes:
        raise ValueError(f"a class is not one of 0 to {classes - 1}")
    cells = labels * classes + predicted
    return np.stack([np.bincount(row, minlength=classes**2) for row in cells]).reshape(-1, classes, classes)


def error_rate(counts: NDArray) -> Floats:
    """[...] shares of wrong predictions of confusion matrices [..., C, C]."""
    return 1 - np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def macro_f1(counts: NDArray) -> Floats:
    """[...] mean F1 of counts [..., C, C], over the classes that occur as label or prediction (as scikit-learn)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(axis=-1) + counts.sum(axis=-2)  # 2 TP + FP + FN
    return (2 * hits / np.maximum(both, 1)).sum(axis=-1) / (both > 0).sum(axis=-1)


def matthews(counts: NDArray) -> Floats:
    """[...] Matthews correlations (Gorodkin 2004) of confusion matrices [..., C, C]; 0 where undefined."""
    counts = np.asarray(counts, dtype=np.float64)
    predicted, true = counts.sum(axis=-2), counts.sum(axis=-1)
    size, hits = counts.sum(axis=(-2, -1)), np.trace(counts, axis1=-2, axis2=-1)
    denominator = np.sqrt((size**2 - (predicted**2).sum(axis=-1)) * (size**2 - (true**2).sum(axis=-1)))
    numerator = hits * size - (predicted * true).sum(axis=-1)
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)


MEASURES: dict[str, bootstrap.Metric] = {"error": error_rate, "macro_f1": macro_f1, "mcc": matthews}


@dataclass(frozen=True)
class MetricSummary:
    """A metric over seeds. ``std``: sample standard deviation, nan for one seed. ``low``, ``high``: 95 % interval."""

    mean: float
    std: float
    low: float
    high: float
    seeds: int
    examples: int


def summarise(
    predicted: NDArray, labels: NDArray, classes: int, metric: str = "error", clusters: Clusters | None = None
) -> MetricSummary:
    """Mean, standard deviation and interval of ``error``, ``macro_f1`` or ``mcc`` (shares) of predictions [S, N].

    The interval generalises to other seeds and other test examples. That of the error has the variance of
    `paired_tests.difference` and is never narrower than Wilson's for one test set of as many independent examples as
    its ``clusters`` are worth (`Clusters.effective_examples`). For the other metrics it is the
    variance between seeds over S plus that of the seeds' mean over resampled examples; the interaction of seeds and
    examples is counted twice, so the interval is conservative. Both use a t distribution, since percentiles of
    resamples are far too narrow for three seeds.
    """
    predicted = np.atleast_2d(predicted)
    seeds, examples = predicted.shape
    per_seed = MEASURES[metric](confusion(predicted, labels, classes))
    mean, std = float(per_seed.mean()), float(per_seed.std(ddof=1)) if seeds > 1 else float("nan")
    if metric == "error":
        wrong = predicted != labels
        low, high = replace(difference(wrong, clusters), step=0.0).interval()  # few errors: Wilson's covers them
        independent = clusters.effective_examples(wrong) if clusters else float(examples)
        least, most = wilson(mean * independent, independent)
        return MetricSummary(mean, std, max(0.0, min(low, least)), min(1.0, max(high, most)), seeds, examples)
    _, by_examples = bootstrap.metric(predicted, labels, classes, MEASURES[metric], clusters=clusters)
    between = std**2 / seeds if seeds > 1 else 0.0
    total = between + float(by_examples.var(ddof=1))
    most_df = clusters.df if clusters else examples - 1.0
    df = (seeds - 1) * (total / between if seeds > 2 else 1.0) if between > 0 else most_df
    half = float(special.stdtrit(min(df, most_df), 1 - LEVEL / 2) * np.sqrt(total))
    lower_bound = 0.0 if metric == "macro_f1" else -1.0
    return MetricSummary(mean, std, max(lower_bound, mean - half), min(1.0, mean + half), seeds, examples)


def wilson(errors: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of the share ``errors / n``, as shares within [0, 1].

    Equals ``scipy.stats.binomtest(errors, n).proportion_ci(level, "wilson")``, but takes fractions: ``errors`` may be a
    mean over seeds, ``n`` an effective number of examples. Raises `ValueError` unless 0 <= errors <= n and n > 0.
    """
    if not 0 <= errors <= n * (1 + 1e-12) or n <= 0:
        raise ValueError(f"{errors} errors of {n} examples")
    errors = min(errors, n)
    z, share = NormalDist().inv_cdf((1 + level) / 2), errors / n
    centre = share + z**2 / (2 * n)
    half = z * (share * (1 - share) / n + (z / (2 * n)) ** 2) ** 0.5
    low, high = ((centre + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding errors of 1e-17
