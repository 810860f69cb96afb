"""The verdict: which claims hold, from the predictions behind them.

A comparison speaks *for* its claim or *against* it (`assess`); both kinds of p are corrected for the claim's number
of comparisons (Holm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from bertfit.claims.assess import Finding, assess, run_key
from bertfit.claims.claim_schema import ABSENCE, Contrast, Question
from bertfit.claims.claims_markdown import markdown
from bertfit.claims.expected import as_planted, check
from bertfit.core.files import write_json, write_text
from bertfit.evaluation.paired_tests import LEVEL, Difference, holm
from bertfit.evaluation.predictions import read_errors
from bertfit.evaluation.results_file import number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments import ids

HOLDS, FAILS, OPEN, ABSENT = "holds", "does not hold", "not decidable at this size", "not available"
Paper = Mapping[tuple[str, str, str], str]
"""(artefact, row, column) -> published value"""


def judge(
    questions: Sequence[Question],
    runs: Iterable[Mapping[str, Any]],
    *,
    study: str,
    json: Path,
    markdown_page: Path,
    planted: Mapping[str, str] | None = None,
    published: Path | None = None,
) -> None:
    """Write ``claims.json`` (a list of records) and ``claims.md`` from the predictions of ``runs``, each read once.

    ``runs`` are blocks of seeds: ``corpus``, ``encoder``, ``recipe`` and the path ``predictions``. ``planted`` says
    for a generated world what was put into it: claim -> effect, null or unknown; None elsewhere. ``published``:
    ``paper/published.csv``, for the paper's gains beside ours.

    Raises `UserError` for predictions that are missing, torn or of other test examples, and for an unknown claim or
    word in ``planted``.
    """
    check(planted or {}, [question.id for question in questions])
    paper = _paper(questions, published)
    found = read_errors(runs, {run_key(one) for question in questions for one in question.runs})
    records = [
        _record(question, [assess(contrast, found) for contrast in question.contrasts], planted, paper)
        for question in questions
    ]
    write_json(json, records)
    write_text(markdown_page, markdown(records, study))


def decide(findings: Sequence[Finding]) -> tuple[str, list[float], list[float]]:
    """Verdict of a claim, and the corrected p for and against of each comparison that could be made.

    It holds if every comparison speaks for it; it does not hold if one that does not speaks against it. Where some of
    what it speaks of was not compared (`whole`) it may be refuted, but not hold.
    """
    made = [finding for finding in findings if finding.effect]
    support, against = holm([one.support for one in made]), holm([one.against for one in made])
    if not made:
        return ABSENT, support, against
    if all(p < LEVEL for p in support):
        return HOLDS if whole(findings) else OPEN, support, against
    refuted = any(no < LEVEL <= yes for yes, no in zip(support, against, strict=True))
    return FAILS if refuted else OPEN, support, against


def whole(findings: Sequence[Finding]) -> bool:
    """Whether every comparison could be made, and a mean over corpora goes over two or more and most of them."""
    means = [(len(one.contrast.corpora), one.contrast.missing) for one in findings]
    enough = (not missing or at_hand > max(1, missing) for at_hand, missing in means)
    return all(one.effect for one in findings) and all(enough)


def wording(verdict: str, decided: Finding | None, findings: Sequence[Finding]) -> str:
    """The verdict as it is printed: what of the claim was seen, in what, and what it is given."""
    words, made = verdict, [one for one in findings if one.effect]
    because = _because(verdict, decided)
    if verdict == OPEN and all(p < LEVEL for p in holm([one.support for one in made])):
        fewest = _at_hand(max((one.contrast for one in made), key=_share_missing))
        part = f"for {len(made)} of {len(findings)} comparisons" if len(made) < len(findings) else f"on {fewest}"
        words = f"{verdict} (holds {part})"
    elif because.endswith("is excluded") and verdict == FAILS:
        words = f"no {because.removeprefix('a ').removesuffix(' is excluded')} or more"
    elif because:
        words = f"{verdict} ({because})"
    speaking = made if verdict == HOLDS else [decided] if verdict == FAILS and decided else []
    if lost := max((one.contrast for one in speaking if one.contrast.missing), key=_share_missing, default=None):
        words += f" on {_at_hand(lost)}"
    if any(one.effect and one.effect.seeds == 1 for one in speaking):
        words += " for these trained models (one seed)"
    return ", ".join([words, *_given(findings)])


def _at_hand(contrast: Contrast) -> str:
    return f"{len(contrast.corpora)} of {len(contrast.corpora) + contrast.missing} corpora"


def _share_missing(contrast: Contrast) -> float:
    return contrast.missing / (contrast.missing + len(contrast.corpora))


# ---------------------------------------------------------------------------------------------- its record


def _record(
    question: Question, findings: Sequence[Finding], truth: Mapping[str, str] | None, paper: Paper
) -> dict[str, Any]:
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
    one = None if first is None else made[first]
    corrected = iter(zip(support, against, strict=True))
    kind = question.contrasts[0].kind if question.contrasts else "better"
    mark = None if truth is None else truth.get(question.id, "unknown")
    return {
        "id": question.id,
        "sentence": question.sentence,
        "source": question.source,
        "kind": kind,
        "verdict": verdict,
        "wording": wording(verdict, one, findings),
        "because": _because(verdict, one),
        **_numbers(one),
        "p": None if first is None else _round(speaks[first]),
        "decided_by": None if one is None else _name(one),
        "planted": mark,
        "as_planted": as_planted(mark, kind, verdict, *_seen(made)),
        "notes": _notes(findings),
        "comparisons": [
            _comparison(each, paper, *next(corrected) if each.effect else (None, None)) for each in findings
        ],
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
    if kind in ("fails", "wider spread") or one.effect.interval()[1] < 0:
        return "the opposite is seen"
    return f"a gain {'larger by' if kind == 'larger gain' else 'of'} {margin} is excluded"


def _seen(made: Sequence[Finding]) -> tuple[bool, bool]:
    """Whether any difference is seen, whichever way, and whether one of the margin is excluded everywhere."""
    effects = [(one.effect, one.contrast) for one in made if one.effect]
    seen = holm([effect.p() for effect, _ in effects])
    points = [(effect, contrast) for effect, contrast in effects if contrast.kind not in ("fails", "wider spread")]
    within = holm([effect.within(contrast.margin / 100) for effect, contrast in points])
    excluded = len(points) == len(effects) > 0 and all(p < LEVEL for p in within)
    return any(p < LEVEL for p in seen), excluded


def _comparison(finding: Finding, paper: Paper, support: float | None, against: float | None) -> dict[str, Any]:
    contrast, effect, scale = finding.contrast, finding.effect, _scale(finding.contrast)
    return {
        "a": contrast.a,
        "b": contrast.b,
        "columns": [name for name, _ in finding.columns],
        "margin": contrast.margin,
        **_numbers(finding),
        "published": _published(contrast, paper) if effect else None,
        "resampled": [round(scale * bound, 6) for bound in finding.resampled] if finding.resampled else None,
        "detectable": round(scale * effect.detectable(), 6) if effect else None,
        "p": _round(effect.p()) if effect else None,
        "support": _round(support),
        "against": _round(against),
        "reason": finding.reason,
        "each": {name: _effect(part, scale) for name, part in finding.columns} if len(finding.columns) > 1 else {},
    }


def _numbers(finding: Finding | None) -> dict[str, Any]:
    """Effect and 95 % interval in points of test error (`wider spread`: in probits), seeds and test examples."""
    if finding is None or finding.effect is None:
        return dict.fromkeys(("effect", "low", "high", "seeds", "examples"))
    return _effect(finding.effect, _scale(finding.contrast))


def _effect(effect: Difference, scale: float) -> dict[str, Any]:
    low, high = effect.interval()
    numbers = {"effect": effect.value, "low": low, "high": high}
    rounded = {name: round(scale * value, 6) for name, value in numbers.items()}
    return {**rounded, "seeds": effect.seeds, "examples": effect.examples}


def _scale(contrast: Contrast) -> float:
    return 1 if contrast.kind == "wider spread" else 100


def _published(contrast: Contrast, paper: Paper) -> float | None:
    """The paper's gain in points, over the same columns; None where it has not all of the values."""
    if contrast.kind in ("fails", "wider spread"):
        return None
    gains = [
        sum(runs.weight * number(paper.get(runs.paper) if runs.paper else None) for runs in column)
        for column in contrast.columns
    ]
    gain = fmean(gains)
    return round(gain, 6) if gain == gain else None


def _paper(questions: Sequence[Question], path: Path | None) -> Paper:
    keys = {runs.paper[0] for question in questions for runs in question.runs if runs.paper}
    if path is None:
        return {}
    return {(key, *place): value for key in sorted(keys) for place, value in published_values(path, key).items()}


def _given(findings: Sequence[Finding]) -> list[str]:
    """Stages whose seeds are not varied: all seeds of a run start from the same encoder."""
    made = [finding for finding in findings if finding.effect]
    encoders = {runs.encoder for one in made for column in one.contrast.columns for runs in column}
    stages = [type(stage) for encoder in encoders for stage in ids.parse_encoder(encoder).stages]
    names = {ids.PretrainingStage: "pre-training", ids.MultitaskStage: "multi-task fine-tuning"}
    return [f"given one {name}" for stage, name in names.items() if stage in stages]


def _notes(findings: Sequence[Finding]) -> list[str]:
    made, notes = [finding for finding in findings if finding.effect], _given(findings)
    if any(one.effect and one.effect.seeds == 1 for one in made):
        notes.append("one seed: a statement on these models, not on the strategies")
    alone = {
        name for one in made if one.effect and one.effect.seeds > 1 for name, part in one.columns if part.seeds < 2
    }
    if alone:
        notes.append(f"one seed on {', '.join(sorted(alone))}: seeds are taken to differ there as on the other corpora")
    if made and len(made) < len(findings):
        notes.append(f"{len(made)} of {len(findings)} comparisons could be made")
    return notes + list(dict.fromkeys(finding.reason for finding in findings if finding.reason))


def _name(finding: Finding) -> str:
    sides = f"{finding.contrast.a} / {finding.contrast.b}" if finding.contrast.b else finding.contrast.a
    columns = ", ".join(name for name, _ in finding.columns)
    return f"{sides} ({columns})" if columns else sides


def _round(p: float | None) -> float | None:
    return None if p is None else float(f"{p:.6g}")
