"""Effect of one comparison of a claim, from the predictions, with p values for and against the claim.

All p values correspond to two-sided 95 % intervals: 0.05 is where the interval ends.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bertfit.claims.claim_schema import CHANCE_SHARE, Contrast, PublishedKey, Runs
from bertfit.core.errors import UserError
from bertfit.evaluation import bootstrap, paired_tests
from bertfit.evaluation.paired_tests import Difference, average, difference
from bertfit.evaluation.predictions import Key, Outcome, Outcomes
from bertfit.evaluation.results_file import number

Paper = Mapping[PublishedKey, str]
"""(artefact, row, column) -> published value"""
NO_PAPER: Paper = MappingProxyType({})


@dataclass(frozen=True)
class Finding:
    """Result of one comparison."""

    contrast: Contrast
    effect: Difference | None = None
    """None if the comparison could not be made, for ``reason``"""
    support: float = 1.0
    """p for the claim"""
    against: float = 1.0
    """p against the claim"""
    columns: tuple[tuple[str, Difference], ...] = ()
    """corpora with their effects"""
    resampled: tuple[float, float] | None = None
    """95 % percentile interval of the Multi-Bootstrap"""
    reason: str = ""


def assess(contrast: Contrast, outcomes: Outcomes, paper: Paper = NO_PAPER) -> Finding:
    """Effect and p values of one comparison. ``paper`` has the published errors of quoted systems.

    Raises `UserError` where a seed is missing or the runs of a corpus have different test examples.
    """
    if not contrast.columns:
        return Finding(contrast, reason=contrast.reason)
    if contrast.kind == "fails more often":
        return _wider_spread(contrast, outcomes)
    if contrast.columns[0][0].reading == "training":
        return _of_training_errors(contrast, outcomes)
    parts: list[Difference] = []
    resamples: list[NDArray[np.float64]] = []
    for column in contrast.columns:
        values = _weighted_errors(column, outcomes, contrast.kind == "fails")
        if values is None:
            return Finding(contrast, reason=f"{column[0].corpus}: its runs have no seed in common")
        parts.append(difference(values))
        resamples.append(bootstrap.means(values))
    for index, key in enumerate(contrast.quoted):
        published = number(paper.get(key)) / 100
        if isnan(published):
            return Finding(contrast, reason=f"no published error of {key[1]}, {key[2]}")
        parts[index] = _below_published(parts[index], published)
        resamples[index] = resamples[index] + published
    effect, names = average(parts), [column[0].corpus for column in contrast.columns]
    low, high = np.percentile(np.mean(resamples, axis=0), [2.5, 97.5])
    support, against = _p_for_and_against(contrast, effect)
    columns = tuple(zip(names, parts, strict=True))
    return Finding(contrast, effect, support, against, columns, (float(low), float(high)), contrast.reason)


def _weighted_errors(column: Sequence[Runs], outcomes: Outcomes, fails: bool) -> NDArray[np.float64] | None:
    """[S, N] weighted sum of the errors of a column's runs, over their common seeds; None without any."""
    chosen = [outcome_of(runs, outcomes) for runs in column]
    if any(not np.array_equal(outcome.labels, chosen[0].labels) for outcome in chosen):
        raise UserError(f"runs on {column[0].corpus} have different test examples; delete the older ones, run again")
    varied = [runs for runs in column if not runs.constant]
    seeds = sorted(set.intersection(*(set(runs.seeds) for runs in varied or column)))
    if not seeds:
        return None
    total = np.zeros((len(seeds), len(chosen[0].labels)))
    for runs, outcome in zip(column, chosen, strict=True):
        total += runs.weight * np.stack([outcome.wrong[runs.seeds[0] if runs.constant else seed] for seed in seeds])
    if fails:
        labels = chosen[0].labels
        total -= CHANCE_SHARE * (labels != np.bincount(labels).argmax())
    return total


def _below_published(part: Difference, published: float) -> Difference:
    """Gain over a ``published`` error, from ``part``, the mean of minus our errors.

    Its variance is binomial, of the same number of test texts. That those are the same texts is not used, since the
    system's single predictions are unknown: the interval is too wide rather than too narrow.
    """
    error = sqrt(part.error**2 + published * (1 - published) / part.examples)
    return replace(part, value=published + part.value, error=error, exact=None, step=0.0)


def _of_training_errors(contrast: Contrast, outcomes: Outcomes) -> Finding:
    """Effect of a contrast of training errors, in which only seeds are random; the mean over its columns."""
    effects: list[tuple[str, Difference]] = []
    for column in contrast.columns:
        chosen = [outcome_of(runs, outcomes) for runs in column]
        seeds = sorted(set.intersection(*(set(runs.seeds) for runs in column)))
        if len(seeds) < 2:
            return Finding(
                contrast, reason=f"{column[0].corpus}: fewer than two seeds, of which training errors need two"
            )
        values = np.zeros(len(seeds))
        for runs, outcome in zip(column, chosen, strict=True):
            values += runs.weight * np.array([outcome.training[seed] for seed in seeds])
        if contrast.kind == "fails":
            values -= CHANCE_SHARE * _chance(chosen[0].labels)
        effects.append((column[0].corpus, paired_tests.of_seeds(values)))
    effect = average([part for _, part in effects])
    support, against = _p_for_and_against(contrast, effect)
    return Finding(contrast, effect, support, against, tuple(effects), reason=contrast.reason)


def _chance(labels: NDArray[np.int32]) -> float:
    """Error of always predicting the most frequent of ``labels`` [N]; the training set is assumed to be alike."""
    return float((labels != np.bincount(labels).argmax()).mean())


def _wider_spread(contrast: Contrast, outcomes: Outcomes) -> Finding:
    sides: dict[int, list[NDArray]] = {1: [], -1: []}
    for (runs,) in contrast.columns:
        wrong = outcome_of(runs, outcomes).wrong
        sides[runs.weight].append(np.stack([wrong[seed] for seed in runs.seeds]))
    effect = paired_tests.dispersion_difference(sides[1], sides[-1])
    if effect is None:
        return Finding(contrast, reason="too few seeds to compare their spread")
    support, against = _p_for_and_against(contrast, effect)
    return Finding(contrast, effect, support, against, reason=contrast.reason)


def _p_for_and_against(contrast: Contrast, effect: Difference) -> tuple[float, float]:
    """p values for and against a claim of the contrast's kind (see `claim_schema.Claim`)."""
    margin = contrast.margin / 100
    if contrast.kind == "equal":
        return effect.within(margin), effect.outside(margin)
    if contrast.kind == "not better":
        return effect.below(margin), effect.above(margin)
    support = effect.p() if effect.value > 0 else 1.0
    if contrast.kind in ("fails", "fails more often"):
        return support, effect.p() if effect.value < 0 else 1.0
    return support, effect.below(margin)


def outcome_of(runs: Runs, outcomes: Outcomes) -> Outcome:
    """The outcome of a contrast's runs. Raises `UserError` where a seed is missing."""
    outcome = outcomes.get(run_key(runs))
    missing = [seed for seed in runs.seeds if outcome is None or seed not in outcome.wrong]
    if outcome is None or missing:
        raise UserError(f"no predictions of {'/'.join(run_key(runs)[:3])} with seed {missing}; run its training again")
    return outcome


def run_key(runs: Runs) -> Key:
    """(corpus, encoder, recipe, reading)."""
    return runs.corpus, runs.encoder, runs.recipe, runs.reading
