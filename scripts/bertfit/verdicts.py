"""The verdict: which claims hold, from the predictions behind them.

Every p is two-sided at heart: below 0.05 where the 95 % interval ends. A comparison speaks *for* its claim or *against*
it; both kinds of p are corrected for the claim's number of comparisons (Holm).

Shapes: S seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import bootstrap, ids, paired
from .claimspec import CHANCE_SHARE, Contrast, Question, Runs
from .claimtable import markdown
from .errors import UserError, nearest
from .files import write_json, write_text
from .outcomes import Outcomes, key, of, read
from .paired import LEVEL, Difference, average, difference, holm

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decidable at this size"
ABSENT = "not available"
PLANTED = ("effect", "null", "unknown")
ABSENCE = ("equal", "not better")  # claims that an effect would refute


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


def judge(
    questions: Sequence[Question],
    runs: Iterable[Mapping[str, Any]],
    *,
    study: str,
    json: Path,
    markdown_page: Path,
    planted: Mapping[str, str] | None = None,
) -> None:
    """Write ``claims.json`` (a list of records) and ``claims.md`` from the predictions of ``runs``, each read once.

    ``runs`` are blocks of seeds: ``corpus``, ``encoder``, ``recipe`` and the path ``predictions``. ``planted`` says
    for a generated world what was put into it: claim -> effect, null or unknown; None elsewhere.

    Raises `UserError` for predictions that are missing, torn or of other test examples, and for an unknown claim or
    word in ``planted``.
    """
    _check_planted(planted or {}, questions)
    found = read(runs, {key(one) for question in questions for one in question.runs})
    records = [
        _record(question, [assess(contrast, found) for contrast in question.contrasts], planted)
        for question in questions
    ]
    write_json(json, records)
    write_text(markdown_page, markdown(records, study))


# ---------------------------------------------------------------------------------------------- one comparison


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
    chosen = [of(runs, found) for runs in column]
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
        wrong = of(runs, found).wrong
        sides[runs.weight].append(np.array([wrong[seed].mean() for seed in runs.seeds]))
    effect = paired.spread(sides[1], sides[-1])
    if effect is None:
        return Finding(contrast, reason="too few seeds to speak of their spread")
    support, against = _speak(contrast, effect)
    return Finding(contrast, effect, support, against, reason=contrast.reason)


def _speak(contrast: Contrast, effect: Difference) -> tuple[float, float]:
    """p for and against the claim (see `claimspec.Claim`)."""
    margin = contrast.margin / 100
    if contrast.kind == "equal":
        return effect.within(margin), effect.outside(margin)
    if contrast.kind == "not better":
        return effect.below(margin), effect.above(margin)
    support = effect.p() if effect.value > 0 else 1.0
    if contrast.kind in ("fails", "wider spread"):
        return support, effect.p() if effect.value < 0 else 1.0
    return support, effect.below(margin)


# ---------------------------------------------------------------------------------------------- one claim


def decide(findings: Sequence[Finding]) -> tuple[str, list[float], list[float]]:
    """Verdict of a claim, and the corrected p for and against of each comparison that could be made.

    It holds if every comparison speaks for it; it does not hold if one that does not speaks against it.
    """
    made = [finding for finding in findings if finding.effect]
    support, against = holm([one.support for one in made]), holm([one.against for one in made])
    if not made:
        return ABSENT, support, against
    if all(p < LEVEL for p in support):
        return HOLDS, support, against
    refuted = any(no < LEVEL <= yes for yes, no in zip(support, against, strict=True))
    return FAILS if refuted else OPEN, support, against


def _record(question: Question, findings: Sequence[Finding], planted: Mapping[str, str] | None) -> dict[str, Any]:
    """A claim's record. Its numbers are those of the comparison that decided: the weakest, or the one against it."""
    verdict, support, against = decide(findings)
    made = [finding for finding in findings if finding.effect]
    speaks = against if verdict == FAILS else support
    # of those tied after correction, the one that was so before it; where it fails, of those that do not support it
    order = [
        (no if verdict == FAILS else -yes, one.against if verdict == FAILS else -one.support, place)
        for place, (one, yes, no) in enumerate(zip(made, support, against, strict=True))
        if verdict != FAILS or yes >= LEVEL
    ]
    first = min(order)[2] if order else None
    truth = None if planted is None else planted.get(question.id, "unknown")
    one = None if first is None else made[first]
    corrected = iter(zip(support, against, strict=True))
    kind = question.contrasts[0].kind if question.contrasts else "better"
    return {
        "id": question.id,
        "sentence": question.sentence,
        "source": question.source,
        "kind": kind,
        "verdict": verdict,
        "because": _because(verdict, one),
        **_numbers(one.effect if one else None),
        "p": None if first is None else _round(speaks[first]),
        "decided_by": None if one is None else _name(one),
        "planted": truth,
        "as_planted": _as_planted(truth, kind, verdict),
        "notes": _notes(question, findings),
        "comparisons": [_comparison(each, *next(corrected) if each.effect else (None, None)) for each in findings],
    }


def _because(verdict: str, one: Finding | None) -> str:
    """What p speaks of, where it is not a difference as claimed."""
    if one is None or one.effect is None or verdict == OPEN:
        return ""
    kind, margin = one.contrast.kind, f"{one.contrast.margin:g} points"
    if kind in ABSENCE:
        what = "a difference" if kind == "equal" else "a gain"
        return f"{what} of {margin} is excluded" if verdict == HOLDS else f"{what} of more than {margin} is seen"
    if verdict == HOLDS:
        return ""
    opposite = kind in ("fails", "wider spread") or one.effect.interval()[1] < 0
    return "the opposite is seen" if opposite else f"a gain of {margin} is excluded"


def _comparison(finding: Finding, support: float | None, against: float | None) -> dict[str, Any]:
    contrast, effect = finding.contrast, finding.effect
    return {
        "a": contrast.a,
        "b": contrast.b,
        "columns": [name for name, _ in finding.columns],
        "margin": contrast.margin,
        **_numbers(effect),
        "resampled": [_points(bound) for bound in finding.resampled] if finding.resampled else None,
        "detectable": _points(effect.detectable()) if effect else None,
        "p": _round(effect.p()) if effect else None,
        "support": _round(support),
        "against": _round(against),
        "reason": finding.reason,
        "each": {name: _numbers(part) for name, part in finding.columns} if len(finding.columns) > 1 else {},
    }


def _numbers(effect: Difference | None) -> dict[str, Any]:
    """Effect and 95 % interval in points of test error, seeds and test examples (the fewest of any column)."""
    if effect is None:
        return dict.fromkeys(("effect", "low", "high", "seeds", "examples"))
    low, high = effect.interval()
    numbers = {"effect": _points(effect.value), "low": _points(low), "high": _points(high)}
    return {**numbers, "seeds": effect.seeds, "examples": effect.examples}


def _notes(question: Question, findings: Sequence[Finding]) -> list[str]:
    made = [finding for finding in findings if finding.effect]
    encoders = {runs.encoder for one in made for column in one.contrast.columns for runs in column}
    stages = [type(stage) for encoder in encoders for stage in ids.parse_encoder(encoder).stages]
    # the seeds of these stages are not varied: all seeds of a run start from the same encoder
    given = {ids.Pretraining: "pre-training", ids.Multitask: "multi-task fine-tuning"}
    notes = [f"given one {name}" for stage, name in given.items() if stage in stages]
    if any(one.effect and one.effect.seeds == 1 for one in made):
        notes.append("one seed: a statement on these models, not on the strategies")
    if made and len(made) < len(findings):
        notes.append(f"{len(made)} of {len(findings)} comparisons could be made")
    return notes + list(dict.fromkeys(finding.reason for finding in findings if finding.reason))


def _name(finding: Finding) -> str:
    sides = f"{finding.contrast.a} / {finding.contrast.b}" if finding.contrast.b else finding.contrast.a
    columns = ", ".join(name for name, _ in finding.columns)
    return f"{sides} ({columns})" if columns else sides


def _as_planted(truth: str | None, kind: str, verdict: str) -> bool | None:
    """Whether the verdict is what was planted; None where nothing was, or nothing was decided.

    A planted null is found out where no effect is claimed to be seen; a planted effect only where it is seen.
    """
    if truth in (None, "unknown") or verdict == ABSENT:
        return None
    seen, unseen = (FAILS, HOLDS) if kind in ABSENCE else (HOLDS, FAILS)
    if truth == "null":
        return verdict != seen
    return {seen: True, unseen: False}.get(verdict)


def _check_planted(planted: Mapping[str, str], questions: Sequence[Question]) -> None:
    known = [question.id for question in questions]
    for name, word in planted.items():
        if name not in known:
            raise UserError(f"planted names the claim {name!r}, which paper/claims.yaml lacks{nearest(name, known)}")
        if word not in PLANTED:
            raise UserError(f"planted, claim {name!r}: {word!r}{nearest(word, PLANTED)}")


def _points(share: float) -> float:
    return round(100 * share, 6)


def _round(p: float | None) -> float | None:
    return None if p is None else float(f"{p:.6g}")
