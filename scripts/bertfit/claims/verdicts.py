"""Verdicts on the claims, from the predictions of their runs.

Each comparison has a p value for its claim and one against it (`assess`); both are corrected for the claim's number of
comparisons (Holm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean

from bertfit.claims import claim_record, verdict_words
from bertfit.claims.assess import Finding, Paper, assess, distance, run_key
from bertfit.claims.claim_record import ClaimRecord, ComparisonRecord, Estimate
from bertfit.claims.claim_schema import ABSENT, FAILS, HOLDS, INCONCLUSIVE, Contrast, Mark, Question, Verdict
from bertfit.claims.claims_markdown import markdown
from bertfit.claims.expected import as_expected, check
from bertfit.claims.verdict_words import measured_findings
from bertfit.core.files import write_text
from bertfit.evaluation.predictions import read_errors
from bertfit.evaluation.results_file import number
from bertfit.evaluation.results_file import published as published_values
from bertfit.experiments.cells import RunGroup
from bertfit.statistics import cluster_values, study_size
from bertfit.statistics.difference import Difference
from bertfit.statistics.paired_tests import holm
from bertfit.statistics.significance import LEVEL


def judge(
    questions: Sequence[Question],
    runs: Iterable[tuple[RunGroup, Path]],
    *,
    study: str,
    json: Path,
    markdown_page: Path,
    clusters: Iterable[Path] = (),
    expected: Mapping[str, Mark] | None = None,
    published: Path | None = None,
) -> None:
    """Write ``claims.json`` (see `claim_record`) and ``claims.md`` from the predictions of ``runs``, each read once.

    ``runs`` are blocks of seeds, each with its ``predictions.parquet``. ``clusters``: ``clusters.parquet`` of the
    corpora; without, each test example is alone. ``expected`` says what was built into synthetic corpora: claim ->
    effect, null or unknown; None for other corpora. ``published``: ``paper/published.csv``, for the paper's gains.

    Raises `UserError` for predictions that are missing, damaged or of other test examples, and for an unknown claim
    in ``expected``.
    """
    check(expected or {}, [question.id for question in questions])
    paper = _paper(questions, published)
    of_corpora = cluster_values.read(clusters)
    outcomes = read_errors(runs, {run_key(behind) for question in questions for behind in question.runs})
    records = []
    for question in questions:
        findings = [assess(contrast, outcomes, of_corpora, paper) for contrast in question.contrasts]
        records.append(_record(question, findings, expected, paper))
    claim_record.write(json, records)
    write_text(markdown_page, markdown(records, study))


def decide(findings: Sequence[Finding]) -> tuple[Verdict, list[float], list[float]]:
    """Verdict of a claim, and the corrected p values for and against of each comparison that could be made.

    It holds if every comparison supports it significantly; it does not hold if a comparison that does not support it
    significantly is significantly against it. An incomplete claim (`complete`) may be refuted, but cannot hold.
    """
    measured = measured_findings(findings)
    support, against = holm([finding.support for finding in measured]), holm([finding.against for finding in measured])
    if not measured:
        return ABSENT, support, against
    if all(p < LEVEL for p in support):
        return HOLDS if complete(findings) else INCONCLUSIVE, support, against
    refuted = any(p_against < LEVEL <= p_for for p_for, p_against in zip(support, against, strict=True))
    return FAILS if refuted else INCONCLUSIVE, support, against


def complete(findings: Sequence[Finding]) -> bool:
    """Whether every comparison could be made, and means over corpora cover all, or most of them and at least two."""
    counts = [(len(finding.contrast.corpora), finding.contrast.missing) for finding in findings]
    enough = (not missing or available > max(1, missing) for available, missing in counts)
    return all(finding.effect for finding in findings) and all(enough)


# ---------------------------------------------------------------------------------------------- record


def _record(
    question: Question, findings: Sequence[Finding], expected: Mapping[str, Mark] | None, paper: Paper
) -> ClaimRecord:
    """Record of a claim, with the numbers of its deciding comparison (`_deciding`)."""
    verdict, support, against = decide(findings)
    measured = measured_findings(findings)
    p_values = against if verdict == FAILS else support
    index = _deciding(verdict, measured, support, against)
    deciding = None if index is None else measured[index]
    corrected = iter(zip(support, against, strict=True))
    kind = question.contrasts[0].kind if question.contrasts else "better"
    mark: Mark | None = None if expected is None else expected.get(question.id, "unknown")
    return ClaimRecord(
        id=question.id,
        encoder=question.encoder,
        sentence=question.sentence,
        source=question.source,
        kind=kind,
        verdict=verdict,
        wording=verdict_words.wording(verdict, deciding, findings, question.coverage),
        because=verdict_words.reason(verdict, deciding),
        estimate=_estimate_of(deciding),
        p=None if index is None else _round(p_values[index]),
        decided_by=None if deciding is None else _name(deciding),
        expected=mark,
        as_expected=as_expected(mark, kind, verdict, *_differs_or_excluded(measured)),
        notes=[*question.notes, *verdict_words.notes(verdict, findings)],
        comparisons=[
            _comparison(finding, paper, verdict, *next(corrected) if finding.effect else (None, None))
            for finding in findings
        ],
    )


def _deciding(
    verdict: Verdict, measured: Sequence[Finding], support: Sequence[float], against: Sequence[float]
) -> int | None:
    """Index in ``measured`` of the comparison that decides the claim; None if none could be made.

    If the claim does not hold, the smallest corrected p against it among the comparisons that do not support it; else
    the largest corrected p for it. Ties are broken by the uncorrected p, then by order.
    """
    if verdict == FAILS:
        not_supporting = [index for index, p in enumerate(support) if p >= LEVEL]
        return min(not_supporting, key=lambda index: (against[index], measured[index].against), default=None)
    return max(range(len(measured)), key=lambda index: (support[index], measured[index].support), default=None)


def _differs_or_excluded(measured: Sequence[Finding]) -> tuple[bool, bool]:
    """Whether any comparison differs significantly, and whether all exclude a difference of their margin."""
    effects = [(finding.effect, finding.contrast) for finding in measured if finding.effect]
    differences = holm([effect.p() for effect, _ in effects])
    points = [(effect, contrast) for effect, contrast in effects if contrast.kind not in ("fails", "fails more often")]
    within = holm([effect.within(contrast.margin / 100) for effect, contrast in points])
    excluded = len(points) == len(effects) > 0 and all(p < LEVEL for p in within)
    return any(p < LEVEL for p in differences), excluded


def _comparison(
    finding: Finding, paper: Paper, verdict: Verdict, support: float | None, against: float | None
) -> ComparisonRecord:
    contrast, effect = finding.contrast, finding.effect
    open_distance = distance(contrast, effect) if effect and verdict == INCONCLUSIVE else None
    low, high = finding.resampled or (0.0, 0.0)
    return ComparisonRecord(
        a=contrast.a,
        b=contrast.b,
        columns=[name for name, _ in finding.columns],
        margin=contrast.margin,
        estimate=_estimate_of(finding),
        published=_published(contrast, paper) if effect else None,
        resampled=(round(100 * low, 6), round(100 * high, 6)) if finding.resampled else None,
        detectable=round(100 * effect.detectable(), 6) if effect else None,
        needed_seeds=study_size.seeds_needed(effect, open_distance) if effect and open_distance else None,
        needed_examples=study_size.examples_needed(effect, open_distance) if effect and open_distance else None,
        failed=list(finding.failures) if any(side.failed for side in finding.failures) else [],
        tolerated_spread=None if finding.tolerated_spread is None else round(100 * finding.tolerated_spread, 4),
        p=_round(effect.p()) if effect else None,
        support=_round(support),
        against=_round(against),
        reason=finding.reason,
        by_corpus={name: _estimate(part) for name, part in finding.columns} if len(finding.columns) > 1 else {},
    )


def _estimate_of(finding: Finding | None) -> Estimate | None:
    if finding is None or finding.effect is None:
        return None
    return _estimate(finding.effect)


def _estimate(effect: Difference) -> Estimate:
    """In points: of test error, or percent of runs for the kind `fails more often`."""
    value, low, high = (round(100 * number, 6) for number in (effect.value, *effect.interval()))
    return Estimate(effect=value, low=low, high=high, seeds=effect.seeds, examples=effect.examples)


def _published(contrast: Contrast, paper: Paper) -> float | None:
    """The paper's gain in points over the same columns; None where it lacks a value."""
    if contrast.kind in ("fails", "fails more often"):
        return None
    quoted = [number(paper.get(key)) for key in contrast.quoted] or [0.0] * len(contrast.columns)
    gains = [
        constant + sum(runs.weight * number(paper.get(runs.paper) if runs.paper else None) for runs in column)
        for constant, column in zip(quoted, contrast.columns, strict=True)
    ]
    gain = fmean(gains)
    return None if isnan(gain) else round(gain, 6)


def _paper(questions: Sequence[Question], path: Path | None) -> Paper:
    keys = {runs.paper[0] for question in questions for runs in question.runs if runs.paper}
    keys |= {key for question in questions for contrast in question.contrasts for key, _, _ in contrast.quoted}
    if path is None:
        return {}
    return {(key, *cell): value for key in sorted(keys) for cell, value in published_values(path, key).items()}


def _name(finding: Finding) -> str:
    sides = f"{finding.contrast.a} / {finding.contrast.b}" if finding.contrast.b else finding.contrast.a
    columns = ", ".join(name for name, _ in finding.columns)
    return f"{sides} ({columns})" if columns else sides


def _round(p: float | None) -> float | None:
    return None if p is None else float(f"{p:.6g}")
