"""Effect of one comparison of a claim, from the predictions, with p values for and against the claim.

p values correspond to two-sided 95 % intervals: 0.05 is where the interval ends. Those for the absence of an effect are
one-sided, and correspond to 90 % intervals.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bertfit.claims.claim_record import SideFailures
from bertfit.claims.claim_schema import Contrast, PublishedKey, Runs
from bertfit.core.errors import UserError
from bertfit.evaluation.predictions import Key, Outcome, Outcomes
from bertfit.evaluation.results_file import number
from bertfit.statistics import bootstrap
from bertfit.statistics.cluster_values import Clusters, check_clusters
from bertfit.statistics.difference import Difference
from bertfit.statistics.failed_runs import CHANCE_SHARE, chance, failed, share_difference
from bertfit.statistics.paired_tests import at_common_error, average, difference, of_seeds
from bertfit.statistics.study_size import tolerated_spread, with_spread

Paper = Mapping[PublishedKey, str]
"""(artefact, row, column) -> published value"""
NO_PAPER: Paper = MappingProxyType({})
NO_CLUSTERS: Mapping[str, Clusters] = MappingProxyType({})


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
    failures: tuple[SideFailures, ...] = ()
    """failed runs of side a, then b"""
    tolerated_spread: float | None = None
    """standard deviation between seeds with which the claim is still supported, see `study_size.tolerated_spread`"""


def assess(
    contrast: Contrast, outcomes: Outcomes, clusters: Mapping[str, Clusters] = NO_CLUSTERS, paper: Paper = NO_PAPER
) -> Finding:
    """Effect and p values of one comparison.

    ``clusters``: corpus -> those of its test examples; without, each is alone. ``paper`` has the published errors of
    quoted systems. Raises `UserError` where a seed is missing or the runs of a corpus have different test examples.
    """
    if not contrast.columns:
        return Finding(contrast, reason=contrast.reason)
    if contrast.kind == "fails more often":
        return _failing_more_often(contrast, outcomes)
    if contrast.columns[0][0].reading == "training":
        return _of_training_errors(contrast, outcomes)
    parts: list[Difference] = []
    resamples: list[NDArray[np.float64]] = []
    for column in contrast.columns:
        paired = _paired_errors(column, outcomes, contrast.kind == "fails")
        if paired is None:
            return Finding(contrast, reason=f"{column[0].corpus}: its runs have no seed in common")
        values, inflation = paired
        if values.shape[-1] < 2:
            return Finding(contrast, reason=f"{column[0].corpus}: fewer than two test examples")
        of_corpus = clusters.get(column[0].corpus) or Clusters.alone(values.shape[-1])
        check_clusters(of_corpus, values.shape[-1], column[0].corpus)
        parts.append(difference(values, of_corpus, inflation))
        resamples.append(bootstrap.means(of_corpus.linearised(values)))
    for index, key in enumerate(contrast.quoted):
        published = number(paper.get(key)) / 100
        if isnan(published):
            return Finding(contrast, reason=f"no published error of {key[1]}, {key[2]}")
        parts[index] = _below_published(parts[index], published)
        resamples[index] = resamples[index] + published
    effect, names = average(parts), [column[0].corpus for column in contrast.columns]
    low, high = np.percentile(np.mean(resamples, axis=0), [2.5, 97.5])
    failures = () if contrast.kind == "fails" else _failures(contrast, outcomes)
    support, against = _without_unstable_sides(contrast, failures, *_p_for_and_against(contrast, effect))
    return Finding(
        contrast,
        effect,
        support,
        against,
        tuple(zip(names, parts, strict=True)),
        (float(low), float(high)),
        contrast.reason,
        failures,
        tolerated_spread(effect, parts, lambda varied: _p_for_and_against(contrast, varied)[0]),
    )


def support_with_spread(finding: Finding, spread: float) -> float:
    """p for the claim if seeds vary by the standard deviation ``spread`` where there is one of them."""
    parts = [part for _, part in finding.columns]
    if finding.effect is None or all(part.seeds > 1 for part in parts):
        return finding.support
    return _p_for_and_against(finding.contrast, with_spread(finding.effect, parts, spread))[0]


def distance(contrast: Contrast, effect: Difference) -> float:
    """How far the effect is from the bound that a decision has to exclude; of several decisions, the easiest one."""
    value, margin = effect.value, contrast.margin / 100
    if contrast.kind == "equal":
        return abs(margin - abs(value))
    if contrast.kind == "not better":
        return abs(margin - value)
    return abs(value) if contrast.kind in ("fails", "fails more often") else max(value, margin - value)


def _paired_errors(column: Sequence[Runs], outcomes: Outcomes, fails: bool) -> tuple[NDArray[np.float64], float] | None:
    """[S, N] weighted sum of the errors of a column's runs, over their common seeds, and `at_common_error` of two runs.

    None without a common seed.
    """
    chosen = [outcome_of(runs, outcomes) for runs in column]
    if any(not np.array_equal(outcome.labels, chosen[0].labels) for outcome in chosen):
        raise UserError(f"runs on {column[0].corpus} have different test examples; delete the older ones, run again")
    varied = [runs for runs in column if not runs.constant]
    seeds = sorted(set.intersection(*(set(runs.seeds) for runs in varied or column)))
    if not seeds:
        return None
    sides = [
        np.stack([outcome.wrong[runs.seeds[0] if runs.constant else seed] for seed in seeds]).astype(np.float64)
        for runs, outcome in zip(column, chosen, strict=True)
    ]
    total = np.sum([runs.weight * side for runs, side in zip(column, sides, strict=True)], axis=0)
    if fails:
        labels = chosen[0].labels
        total -= CHANCE_SHARE * (labels != np.bincount(labels).argmax())
    two = sorted(runs.weight for runs in column) == [-1, 1]
    first, *second = [side.mean(-1) for side in sides]
    return total, float(at_common_error(first, second[0], total.shape[-1])) if two else 1.0


def _failures(contrast: Contrast, outcomes: Outcomes) -> tuple[SideFailures, ...]:
    """Failed runs of both sides; runs that both sides share cancel out, and count for neither."""
    counts = {sign: [0, 0] for sign in (-1, 1)}
    for column in contrast.columns:
        for runs in column:
            outcome = outcome_of(runs, outcomes)
            wrong = np.stack([outcome.wrong[seed] for seed in runs.seeds])
            side = counts[1 if runs.weight > 0 else -1]
            side[0] += int(failed(wrong, outcome.labels).sum())
            side[1] += len(wrong)
    signs = (1, -1) if contrast.kind == "fails more often" else (-1, 1)
    names = (contrast.a, contrast.b)
    return tuple(
        SideFailures(name=name, failed=counts[sign][0], runs=counts[sign][1])
        for name, sign in zip(names, signs, strict=True)
        if counts[sign][1]
    )


def _without_unstable_sides(
    contrast: Contrast, failures: Sequence[SideFailures], support: float, against: float
) -> tuple[float, float]:
    """The p values for and against, 1 where they would call the side better of whose runs a larger share failed."""
    if contrast.kind != "better" or len(failures) < 2 or failures[0].share == failures[1].share:
        return support, against
    return (1.0, against) if failures[0].share > failures[1].share else (support, 1.0)


def _failing_more_often(contrast: Contrast, outcomes: Outcomes) -> Finding:
    failures = _failures(contrast, outcomes)
    counts = [(side.failed, side.runs) for side in failures]
    seeds = min(len(runs.seeds) for column in contrast.columns for runs in column)
    effect = share_difference(counts[0], counts[1], seeds) if len(counts) == 2 else None
    if effect is None:
        return Finding(contrast, reason=contrast.reason or "no runs to compare")
    support, against = _p_for_and_against(contrast, effect)
    return Finding(contrast, effect, support, against, reason=contrast.reason, failures=failures)


def _below_published(part: Difference, published: float) -> Difference:
    """Gain over a ``published`` error, from ``part``, the mean of minus our errors.

    Its variance is binomial, of the same number of test texts. That those are the same texts is not used, since the
    system's single predictions are unknown: the interval is too wide rather than too narrow. The degrees of freedom are
    Satterthwaite's, at most those of the texts.
    """
    binomial = published * (1 - published) / part.examples
    error = sqrt(part.error**2 + binomial)
    df = error**4 / (part.error**4 / part.df + binomial**2 / (part.examples - 1))
    return replace(part, value=published + part.value, error=error, df=df, exact=None, step=0.0)


def _of_training_errors(contrast: Contrast, outcomes: Outcomes) -> Finding:
    """Effect of a contrast of training errors, in which only seeds are random; the mean over its columns."""
    effects: list[tuple[str, Difference]] = []
    for column in contrast.columns:
        chosen = [outcome_of(runs, outcomes) for runs in column]
        seeds = sorted(set.intersection(*(set(runs.seeds) for runs in column)))
        values = np.zeros(len(seeds))
        for runs, outcome in zip(column, chosen, strict=True):
            values += runs.weight * np.array([outcome.training[seed] for seed in seeds])
        if contrast.kind == "fails":
            values -= CHANCE_SHARE * chance(chosen[0].labels)
        effect = of_seeds(values)
        if effect is None:
            return Finding(contrast, reason=f"{column[0].corpus}: one seed, and training errors need two")
        effects.append((column[0].corpus, effect))
    mean = average([part for _, part in effects])
    return Finding(contrast, mean, *_p_for_and_against(contrast, mean), tuple(effects), reason=contrast.reason)


def _p_for_and_against(contrast: Contrast, effect: Difference) -> tuple[float, float]:
    """p values for and against a claim of the contrast's kind (see `claim_schema.Claim`)."""
    margin = contrast.margin / 100
    if contrast.kind == "equal":
        return effect.within(margin), effect.outside(margin)
    if contrast.kind == "not better":
        return effect.less_than(margin), effect.above(margin)
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
