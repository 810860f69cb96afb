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
from bertfit.claims.claim_schema import ABSENCE, ABSENT, FAILS, HOLDS, INCONCLUSIVE, Contrast, Question
from bertfit.claims.claims_markdown import markdown
from bertfit.claims.expected import as_expected, check
from bertfit.core.files import write_json, write_text
from bertfit.evaluation.paired_tests import LEVEL, Difference, holm
from bertfit.evaluation.predictions import read_errors
from bertfit.evaluation.results_file import number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments import ids
from bertfit.experiments.cells import Trainee

Paper = Mapping[tuple[str, str, str], str]
"""(artefact, row, column) -> published value"""


def judge(
    questions: Sequence[Question],
    runs: Iterable[tuple[Trainee, Path]],
    *,
    study: str,
    json: Path,
    markdown_page: Path,
    expected: Mapping[str, str] | None = None,
    published: Path | None = None,
) -> None:
    """Write ``claims.json`` (a list of records) and ``claims.md`` from the predictions of ``runs``, each read once.

    ``runs`` are blocks of seeds, each with its ``predictions.parquet``. ``expected`` says for a generated world what
    was put into it: claim -> effect, null or unknown; None elsewhere. ``published``: ``paper/published.csv``, for the
    paper's gains beside ours.

    Raises `UserError` for predictions that are missing, torn or of other test examples, and for an unknown claim or
    word in ``expected``.
    """
    check(expected or {}, [question.id for question in questions])
    paper = _paper(questions, published)
    found = read_errors(runs, {run_key(one) for question in questions for one in question.runs})
    records = [
        _record(question, [assess(contrast, found) for contrast in question.contrasts], expected, paper)
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
        return HOLDS if whole(findings) else INCONCLUSIVE, support, against
    refuted = any(no < LEVEL <= yes for yes, no in zip(support, against, strict=True))
    return FAILS if refuted else INCONCLUSIVE, support, against


def whole(findings: Sequence[Finding]) -> bool:
    """Whether every comparison could be made, and a mean over corpora goes over two or more and most of them."""
    means = [(len(one.contrast.corpora), one.contrast.missing) for one in findings]
    enough = (not missing or at_hand > max(1, missing) for at_hand, missing in means)
    return all(one.effect for one in findings) and all(enough)


def wording(verdict: str, decided: Finding | None, findings: Sequence[Finding]) -> str:
    """The verdict as it is printed: what of the claim was seen, in what, and what it is given."""
    words, made = verdict, [finding for finding in findings if finding.effect]
    reason = _reason(verdict, decided)
    if verdict == INCONCLUSIVE and all(p < LEVEL for p in holm([finding.support for finding in made])):
        fewest = _at_hand(max((finding.contrast for finding in made), key=_share_missing))
        part = f"for {len(made)} of {len(findings)} comparisons" if len(made) < len(findings) else f"on {fewest}"
        words = f"{verdict} (holds {part})"
    elif decided and _gain_is_excluded(verdict, decided):
        words = f"no {_gain(decided.contrast)} or more"
    elif reason:
        words = f"{verdict} ({reason})"
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
    p_values = against if verdict == FAILS else support
    place = _deciding(verdict, made, support, against)
    deciding = None if place is None else made[place]
    corrected = iter(zip(support, against, strict=True))
    kind = question.contrasts[0].kind if question.contrasts else "better"
    mark = None if truth is None else truth.get(question.id, "unknown")
    return {
        "id": question.id,
        "sentence": question.sentence,
        "source": question.source,
        "kind": kind,
        "verdict": verdict,
        "wording": wording(verdict, deciding, findings),
        "because": _reason(verdict, deciding),
        **_numbers(deciding),
        "p": None if place is None else _round(p_values[place]),
        "decided_by": None if deciding is None else _name(deciding),
        "expected": mark,
        "as_expected": as_expected(mark, kind, verdict, *_seen(made)),
        "notes": _notes(findings),
        "comparisons": [
            _comparison(finding, paper, *next(corrected) if finding.effect else (None, None)) for finding in findings
        ],
    }


def _deciding(verdict: str, made: Sequence[Finding], support: Sequence[float], against: Sequence[float]) -> int | None:
    """Place of the comparison whose numbers stand for the claim; None if none could be made.

    If the claim does not hold, that with the smallest corrected p against it among those that do not support it; else
    the weakest, with the largest corrected p for it. Ties are broken by p before correction, then by order.
    """
    if verdict == FAILS:
        opposed = [place for place, p in enumerate(support) if p >= LEVEL]
        return min(opposed, key=lambda place: (against[place], made[place].against), default=None)
    return max(range(len(made)), key=lambda place: (support[place], made[place].support), default=None)


def _reason(verdict: str, finding: Finding | None) -> str:
    """What the deciding p value is about, where it is not simply the difference that is claimed."""
    if finding is None or finding.effect is None or verdict == INCONCLUSIVE:
        return ""
    kind, margin = finding.contrast.kind, f"{finding.contrast.margin:g} points"
    if kind in ABSENCE:
        what = "a difference" if kind == "equal" else "a gain"
        return f"{what} of {margin} is excluded" if verdict == HOLDS else f"{what} of more than {margin} is seen"
    if verdict == HOLDS:
        return ""
    return f"a {_gain(finding.contrast)} is excluded" if _gain_is_excluded(verdict, finding) else "the opposite is seen"


def _gain(contrast: Contrast) -> str:
    return f"gain {'larger by' if contrast.kind == 'larger gain' else 'of'} {contrast.margin:g} points"


def _gain_is_excluded(verdict: str, finding: Finding) -> bool:
    """Whether the claim fails because its gain is too small, and not because the opposite is seen."""
    if verdict != FAILS or finding.effect is None or finding.contrast.kind in (*ABSENCE, "fails", "wider spread"):
        return False
    return finding.effect.interval()[1] >= 0


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
