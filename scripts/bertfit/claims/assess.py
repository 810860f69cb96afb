"""What one comparison of a claim comes to: the effect in the predictions behind it, and p for and against the claim.

Every p is two-sided at heart: below 0.05 where the 95 % interval ends.

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
from bertfit.evaluation.paired_tests import Difference, average, difference
from bertfit.evaluation.predictions import Key, Outcome, Outcomes


@dataclass(frozen=True)
class Finding:
    """What one comparison came to. ``support`` and ``against``: p values; ``effect`` None where there is nothing."""

    contrast: Contrast
    effect: Difference | None = None
    support: float = 1.0
    against: float = 1.0
    columns: tuple[tuple[str, Difference], ...] = ()
    resampled: tuple[float, float] | None = None
    reason: str = ""


def assess(contrast: Contrast, found: Outcomes) -> Finding:
    """Effect and p values of one comparison."""
    if not contrast.columns:
        return Finding(contrast, reason=contrast.reason)
    if contrast.kind == "wider spread":
        return _spread(contrast, found)
    parts: list[Difference] = []
    drawn: list[NDArray[np.float64]] = []
    for column in contrast.columns:
        values = _values(column, found, contrast.kind == "fails")
        if values is None:
            return Finding(contrast, reason=f"{column[0].corpus}: no seed that all of its runs have")
        parts.append(difference(values))
        drawn.append(bootstrap.means(values))
    effect, names = average(parts), [column[0].corpus for column in contrast.columns]
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    support, against = _speak(contrast, effect)
    columns = tuple(zip(names, parts, strict=True))
    return Finding(contrast, effect, support, against, columns, (float(low), float(high)), contrast.reason)


def _values(column: Sequence[Runs], found: Outcomes, fails: bool) -> NDArray[np.float64] | None:
    """[S, N] weighted sum of the errors of a column's runs, over the seeds that all of them have."""
    chosen = [outcome_of(runs, found) for runs in column]
    if any(not np.array_equal(one.labels, chosen[0].labels) for one in chosen):
        raise UserError(f"runs on {column[0].corpus} have different test examples; delete the older ones, run again")
    varied = [runs for runs in column if not runs.constant]
    seeds = sorted(set.intersection(*(set(runs.seeds) for runs in varied or column)))
    if not seeds:
        return None
    total = np.zeros((len(seeds), len(chosen[0].labels)))
    for runs, one in zip(column, chosen, strict=True):
        total += runs.weight * np.stack([one.wrong[runs.seeds[0] if runs.constant else seed] for seed in seeds])
    if fails:
        labels = chosen[0].labels
        total -= CHANCE_SHARE * (labels != np.bincount(labels).argmax())
    return total


def _spread(contrast: Contrast, found: Outcomes) -> Finding:
    sides: dict[int, list[NDArray]] = {1: [], -1: []}
    for (runs,) in contrast.columns:
        wrong = outcome_of(runs, found).wrong
        sides[runs.weight].append(np.stack([wrong[seed] for seed in runs.seeds]))
    effect = paired_tests.spread(sides[1], sides[-1])
    if effect is None:
        return Finding(contrast, reason="too few seeds to speak of their spread")
    support, against = _speak(contrast, effect)
    return Finding(contrast, effect, support, against, reason=contrast.reason)


def _speak(contrast: Contrast, effect: Difference) -> tuple[float, float]:
    """p for and against the claim (see `claim_schema.Claim`)."""
    margin = contrast.margin / 100
    if contrast.kind == "equal":
        return effect.within(margin), effect.outside(margin)
    if contrast.kind == "not better":
        return effect.below(margin), effect.above(margin)
    support = effect.p() if effect.value > 0 else 1.0
    if contrast.kind in ("fails", "wider spread"):
        return support, effect.p() if effect.value < 0 else 1.0
    return support, effect.below(margin)


def outcome_of(runs: Runs, found: Outcomes) -> Outcome:
    """The outcome of a contrast's runs. Raises `UserError` where a seed is missing."""
    outcome = found.get(run_key(runs))
    missing = [seed for seed in runs.seeds if outcome is None or seed not in outcome.wrong]
    if outcome is None or missing:
        raise UserError(f"no predictions of {'/'.join(run_key(runs))} with seed {missing}; run its training again")
    return outcome


def run_key(runs: Runs) -> Key:
    """(corpus, encoder, recipe)."""
    return runs.corpus, runs.encoder, runs.recipe
