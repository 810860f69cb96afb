"""Effect of one comparison of a claim, from the predictions, with p values for and against the claim.

All p values correspond to two-sided 95 % intervals: 0.05 is where the interval ends.

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertfit.claims.claim_schema import CHANCE_SHARE, Contrast, Runs
from bertfit.core.errors import UserError
from bertfit.evaluation import bootstrap, paired_tests
from bertfit.evaluation.difference import Difference
from bertfit.evaluation.paired_tests import average, difference
from bertfit.evaluation.predictions import Key, Outcome, Outcomes


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


def assess(contrast: Contrast, outcomes: Outcomes) -> Finding:
    """Effect and p values of one comparison.

    Raises `UserError` where a seed is missing or the runs of a corpus have different test examples.
    """
    if not contrast.columns:
        return Finding(contrast, reason=contrast.reason)
    if contrast.kind == "wider spread":
        return _wider_spread(contrast, outcomes)
    parts: list[Difference] = []
    resamples: list[NDArray[np.float64]] = []
    for column in contrast.columns:
        values = _weighted_errors(column, outcomes, contrast.kind == "fails")
        if values is None:
            return Finding(contrast, reason=f"{column[0].corpus}: its runs have no seed in common")
        parts.append(difference(values))
        resamples.append(bootstrap.means(values))
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
    if contrast.kind in ("fails", "wider spread"):
        return support, effect.p() if effect.value < 0 else 1.0
    return support, effect.below(margin)


def outcome_of(runs: Runs, outcomes: Outcomes) -> Outcome:
    """The outcome of a contrast's runs. Raises `UserError` where a seed is missing."""
    outcome = outcomes.get(run_key(runs))
    missing = [seed for seed in runs.seeds if outcome is None or seed not in outcome.wrong]
    if outcome is None or missing:
        raise UserError(f"no predictions of {'/'.join(run_key(runs))} with seed {missing}; run its training again")
    return outcome


def run_key(runs: Runs) -> Key:
    """(corpus, encoder, recipe)."""
    return runs.corpus, runs.encoder, runs.recipe
