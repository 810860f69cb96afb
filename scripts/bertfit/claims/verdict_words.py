"""Verdicts in words: what was shown, on what it rests, and what else a reader should know."""

from __future__ import annotations

from collections.abc import Sequence

from bertfit.claims.assess import Finding, support_with_spread
from bertfit.claims.claim_schema import ABSENCE, FAILS, HOLDS, INCONCLUSIVE, Contrast, Verdict
from bertfit.experiments import ids
from bertfit.statistics.paired_tests import holm
from bertfit.statistics.significance import LEVEL
from bertfit.statistics.study_size import largest_spread


def measured_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of comparisons that could be made."""
    return [finding for finding in findings if finding.effect]


def wording(verdict: Verdict, decided: Finding | None, findings: Sequence[Finding], coverage: str = "") -> str:
    """The verdict in words: its reason, the corpora or comparisons it rests on, and stages that were trained once.

    ``coverage``: as `Question.coverage`.
    """
    words: str = verdict
    measured = measured_findings(findings)
    because = reason(verdict, decided)
    if verdict == INCONCLUSIVE and all(p < LEVEL for p in holm([finding.support for finding in measured])):
        fewest = _coverage(max((finding.contrast for finding in measured), key=_share_missing))
        part = (
            f"for {len(measured)} of {len(findings)} comparisons" if len(measured) < len(findings) else f"on {fewest}"
        )
        words = f"{verdict} (holds {part})"
    elif decided and _gain_is_excluded(verdict, decided):
        words = f"no {_gain(decided.contrast)} or more"
    elif because:
        words = f"{verdict} ({because})"
    deciding = measured if verdict == HOLDS else [decided] if verdict == FAILS and decided else []
    incomplete = [finding.contrast for finding in deciding if finding.contrast.missing]
    if partial := max(incomplete, key=_share_missing, default=None):
        words += f" on {_coverage(partial)}"
    elif deciding and coverage:
        words += f" {coverage}"
    if single := _single_seeds(deciding):
        words += f" for these trained models ({single})"
    return ", ".join([words, *_fixed_stages(findings)])


def _coverage(contrast: Contrast) -> str:
    return f"{len(contrast.corpora)} of {len(contrast.corpora) + contrast.missing} corpora"


def _share_missing(contrast: Contrast) -> float:
    return contrast.missing / (contrast.missing + len(contrast.corpora))


def reason(verdict: Verdict, finding: Finding | None) -> str:
    """What was shown instead of the claim, as "a gain of 2 points is excluded"; empty if the claim was, or nothing."""
    if finding is None or finding.effect is None or verdict == INCONCLUSIVE:
        return ""
    kind, margin = finding.contrast.kind, _points(finding.contrast.margin)
    if kind in ABSENCE:
        what = "a difference" if kind == "equal" else "a gain"
        return f"{what} of {margin} is excluded" if verdict == HOLDS else f"{what} of more than {margin} is seen"
    if verdict == HOLDS:
        return ""
    return f"a {_gain(finding.contrast)} is excluded" if _gain_is_excluded(verdict, finding) else "the opposite is seen"


def _gain(contrast: Contrast) -> str:
    return f"gain {'larger by' if contrast.kind == 'larger gain' else 'of'} {_points(contrast.margin)}"


def _points(number: float) -> str:
    return f"{number:g} point{'' if number == 1 else 's'}"


def _gain_is_excluded(verdict: Verdict, finding: Finding) -> bool:
    """Whether the claim fails because its gain is below the margin, not by an effect in the other direction."""
    if verdict != FAILS or finding.effect is None or finding.contrast.kind in (*ABSENCE, "fails", "fails more often"):
        return False
    return finding.effect.interval()[1] >= 0


def _fixed_stages(findings: Sequence[Finding]) -> list[str]:
    """Notes on stages with a single seed, where all seeds of a run start from the same encoder."""
    measured = measured_findings(findings)
    encoders = {runs.encoder for finding in measured for column in finding.contrast.columns for runs in column}
    all_stages = [stage for encoder in encoders for stage in ids.parse_encoder(encoder).stages]
    stages = [type(stage) for stage in all_stages if stage.seed is not None]
    names = {ids.PretrainingStage: "pre-training", ids.MultitaskStage: "multi-task fine-tuning"}
    return [f"given one {name}" for stage, name in names.items() if stage in stages]


def notes(verdict: Verdict, findings: Sequence[Finding]) -> list[str]:
    """What a reader of the verdict should know of its comparisons."""
    measured, lines = measured_findings(findings), _fixed_stages(findings)
    if single := _single_seeds(measured):
        lines.append(f"{single}: a statement on these models, not on the strategies{_tolerated(verdict, measured)}")
    lines += [_failures(finding) for finding in measured if any(side.failed for side in finding.failures)]
    if measured and len(measured) < len(findings):
        lines.append(f"{len(measured)} of {len(findings)} comparisons could be made")
    return list(dict.fromkeys([*lines, *(finding.reason for finding in findings if finding.reason)]))


def _single_seeds(findings: Sequence[Finding]) -> str:
    """ "one seed", with the corpora where others have several; empty if all have several."""
    parts = [part for finding in findings for part in finding.columns]
    single = list(dict.fromkeys(name for name, part in parts if part.seeds == 1))
    if not single:
        return ""
    return "one seed" if all(part.seeds == 1 for _, part in parts) else f"one seed on {', '.join(single)}"


def _tolerated(verdict: Verdict, findings: Sequence[Finding]) -> str:
    """For how large a spread of other seeds a verdict on single seeds would stand, with all of its comparisons."""
    if verdict != HOLDS:
        return ""

    def holds(spread: float) -> bool:
        return all(p < LEVEL for p in holm([support_with_spread(finding, spread) for finding in findings]))

    most = f"{100 * largest_spread(holds):.2g} points"
    return f"; it holds of other seeds, too, if their differences have a standard deviation below {most} there"


def _failures(finding: Finding) -> str:
    """The failed runs of a comparison, and that the side with the larger share is not called better."""
    counts = ", ".join(f"{side.failed} of {side.runs} of {side.name}" for side in finding.failures)
    first, *second = finding.failures
    unstable = second and first.share != second[0].share and finding.contrast.kind == "better"
    return f"failed runs: {counts}" + ("; the side with the larger share is not called better" if unstable else "")
