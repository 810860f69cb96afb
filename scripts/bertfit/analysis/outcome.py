"""Measures the winner of the search once on the test split (``search/outcome.json``).

Shapes: S seeds, N test texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bertfit.analysis import temperature, thresholds
from bertfit.analysis.temperature import Temperature
from bertfit.core import files, label_sets
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations
from bertfit.search import measure, search_record
from bertfit.search.outcome_record import Constant, Interval, LabelScore, ModelOutcome, TemperatureScaling
from bertfit.search.search_record import MeasuredRun
from bertfit.statistics import bootstrap, cluster_values, label_metrics, metrics
from bertfit.statistics.cluster_values import Clusters


def build(*, choice: Path, predictions: Sequence[Path], validated: Path, clusters: Path, card: Path, out: Path) -> None:
    """Write the outcome.

    ``predictions``: those of the winner's last training, of all seeds, on the test split; ``validated``: the folder of
    its run on validation data. Raises `UserError` for a file that cannot be read.
    """
    winner = search_record.read_choice(choice).winner
    evaluations = [last for path in predictions for last in last_evaluations(read_evaluations(path))]
    facts = corpus_card.read(card)
    of_test = cluster_values.read([clusters]).get(clusters.parent.name)
    on_validation = measure.evaluation(validated)
    measured = _one_label if evaluations[0].sets is None else _several_labels
    outcome = measured(winner, evaluations, on_validation, facts, of_test)
    files.write_json(out, outcome.model_dump(mode="json"))


def _one_label(
    winner: MeasuredRun,
    evaluations: list[Evaluation],
    validated: Evaluation,
    card: CorpusCard,
    clusters: Clusters | None,
) -> ModelOutcome:
    """Of texts with one label each."""
    first, names = evaluations[0], card.label_names
    labels, classes = first.labels, len(names)
    predicted = np.stack([each.predicted for each in evaluations])
    counts = metrics.confusion(first.predicted, labels, classes)[0]
    fitted = temperature.fit(validated.logits, validated.labels)
    trained = [card.splits["train"].classes[name] for name in names]
    constant = int(np.argmax(trained))
    return ModelOutcome(
        candidate=winner.candidate,
        title=winner.title,
        texts=len(labels),
        seeds=len(evaluations),
        several_labels=False,
        error=_interval(predicted, labels, classes, "error", clusters),
        macro_f1=_interval(predicted, labels, classes, "macro_f1", clusters),
        micro_f1=float((predicted == labels).mean()),
        mcc=_interval(predicted, labels, classes, "mcc", clusters),
        constant=Constant(name=names[constant], error=float((labels != constant).mean())),
        labels=[_label(names[at], trained[at], counts[at], counts[:, at], counts[at, at]) for at in range(classes)],
        never=[names[at] for at in range(classes) if counts[at].sum() and not counts[:, at].sum()],
        one_class=int((counts.sum(axis=1) > 0).sum()) < 2,
        confusion=counts.tolist(),
        calibration=_calibration(fitted, first.logits, labels),
    )


def _several_labels(
    winner: MeasuredRun,
    evaluations: list[Evaluation],
    validated: Evaluation,
    card: CorpusCard,
    clusters: Clusters | None,
) -> ModelOutcome:
    """Of texts with several labels each.

    The interval of macro-F1 is that of its mean over the seeds, by resampling texts, or clusters of them.
    """
    names, expected, of_validation = card.label_names, evaluations[0].members, validated.members
    fitted = temperature.fit(validated.logits, of_validation)
    chosen = thresholds.best(expit(validated.logits.astype(np.float64) / fitted.value), of_validation)
    given = np.stack([label_sets.predicted(each.logits / fitted.value, chosen) for each in evaluations])  # (S, N, C)
    found, first = label_metrics.measure(given, expected), given[0]
    trained = [card.splits["train"].classes[name] for name in names]
    frequent = np.array([2 * count >= card.splits["train"].rows for count in trained])
    hits, answers, texts = (first & expected).sum(0), first.sum(0), expected.sum(0)
    always = [name for name, often in zip(names, frequent, strict=True) if often]
    return ModelOutcome(
        candidate=winner.candidate,
        title=winner.title,
        texts=len(expected),
        seeds=len(evaluations),
        several_labels=True,
        error=_interval((given != expected).any(-1).astype(int), np.zeros(len(expected), int), 2, "error", clusters),
        macro_f1=_resampled(
            lambda rows: float(label_metrics.measure(given[:, rows], expected[rows]).macro_f1.mean()),
            len(expected),
            clusters,
        ),
        micro_f1=float(found.micro_f1.mean()),
        mcc=None,
        constant=Constant(name=", ".join(always) or "no label", error=float((expected != frequent).any(-1).mean())),
        labels=[
            _label(name, trained[at], texts[at], answers[at], hits[at], float(chosen[at]))
            for at, name in enumerate(names)
        ],
        never=[name for at, name in enumerate(names) if texts[at] and not answers[at]],
        one_class=False,
        confusion=None,
        calibration=_calibration(fitted, evaluations[0].logits, expected),
    )


def _interval(predicted: NDArray, labels: NDArray, classes: int, metric: str, clusters: Clusters | None) -> Interval:
    """A metric of predictions [S, N]; of a single text the interval of a share."""
    if len(labels) < 2:
        value = float(metrics.MEASURES[metric](metrics.confusion(predicted, labels, classes)).mean())
        low, high = metrics.wilson(min(max(value, 0.0), 1.0), 1)
        return Interval(value=value, low=low, high=high)
    found = metrics.summarise(predicted, labels, classes, metric, clusters)
    return Interval(value=found.mean, low=found.low, high=found.high)


def _label(
    name: str, trained: int, of_label: NDArray, of_answer: NDArray, right: int, threshold: float = 0.5
) -> LabelScore:
    """Scores of a class, of numbers to be summed: its texts, the answers that name it, and the right ones of these."""
    texts, answers, hits = int(np.sum(of_label)), int(np.sum(of_answer)), int(right)
    return LabelScore(
        name=name,
        trained=trained,
        texts=texts,
        answers=answers,
        precision=hits / answers if answers else None,
        recall=hits / texts if texts else None,
        f1=_ratio(2 * hits, texts + answers),
        threshold=threshold,
    )


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else 0.0


def _resampled(statistic: Callable[[NDArray], float], texts: int, clusters: Clusters | None) -> Interval:
    """A statistic of rows, with the percentile interval of resampled texts or clusters of them; any for one text."""
    value = statistic(np.arange(texts))
    if texts < 2:
        return Interval(value=value, low=0.0, high=1.0)
    resamples = bootstrap.rows(clusters or Clusters.alone(texts), seed=texts)
    low, high = np.quantile([statistic(rows) for rows in resamples], [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))


def _calibration(fitted: Temperature, logits: NDArray, expected: NDArray) -> TemperatureScaling:
    before, after = (temperature.measure(logits, expected, scale).ece for scale in (1.0, fitted.value))
    return TemperatureScaling(temperature=fitted.value, note=fitted.reason, before=before, after=after)
