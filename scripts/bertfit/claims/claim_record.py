"""What ``claims.json`` holds, typed: the verdict on each claim, with the numbers of its comparisons.

Effects are in points of test error, of the kind `fails more often` in percent of the runs. Imports neither torch nor
pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertfit.claims.claim_schema import ABSENT, NOT_CHOSEN, Kind, Mark, Verdict
from bertfit.config.corpus_schema import Spec
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_json
from bertfit.core.pydantic_errors import from_json


class Estimate(Spec):
    """An effect, positive in the claimed direction, with its 95 % interval, seeds and test examples."""

    effect: float
    low: float
    high: float
    seeds: int
    examples: int


class SideFailures(Spec):
    """How many runs of a side failed (`failed_runs.failed`)."""

    name: str
    failed: int
    runs: int

    @property
    def share(self) -> float:
        """Of the side's runs; sides have different numbers of them where one is deterministic."""
        return self.failed / self.runs


class ComparisonRecord(Spec):
    """One comparison of a claim; without an estimate, ``reason`` says why it could not be made."""

    a: str
    b: str
    columns: list[str]
    """corpora"""
    margin: float
    estimate: Estimate | None
    published: float | None
    """gain in the paper's numbers"""
    resampled: tuple[float, float] | None
    """95 % interval of the Multi-Bootstrap"""
    detectable: float | None
    """smallest true effect that would be found, see `paired_tests.Difference.detectable`"""
    needed_seeds: int | None = None
    """seeds that would decide an inconclusive claim, were the effect as it is seen; None where no number would"""
    needed_examples: int | None = None
    """test examples that would, as above"""
    failed: list[SideFailures] = []
    """failed runs of sides a and b; empty without any"""
    tolerated_spread: float | None = None
    """of one seed: see `study_size.tolerated_spread`, in points; None for several seeds"""
    p: float | None
    """that there is no effect, not corrected"""
    support: float | None
    """corrected p for the claim"""
    against: float | None
    """corrected p against it"""
    reason: str
    by_corpus: dict[str, Estimate]
    """empty for a single corpus"""


class ClaimRecord(Spec):
    """A claim; ``estimate`` and ``p`` are those of the comparison that decides it, ``decided_by``."""

    id: str
    encoder: str = ""
    """title of the base encoder, if it is one of the study's ``others``; `id` then ends in ``--`` and its name"""
    sentence: str
    source: str
    kind: Kind
    verdict: Verdict
    wording: str
    """the verdict in words"""
    because: str
    """what was shown instead of the claim"""
    estimate: Estimate | None
    p: float | None
    decided_by: str | None
    expected: Mark | None
    """of synthetic corpora"""
    as_expected: bool | None
    """None if undecided"""
    notes: list[str]
    comparisons: list[ComparisonRecord]

    @property
    def claim(self) -> str:
        """Name of the claim, whatever the encoder."""
        return self.id.partition("--")[0]

    @property
    def not_chosen(self) -> bool:
        """Whether it is not judged because --config artefacts leaves its tables and figures out."""
        return self.verdict == ABSENT and any(comparison.reason == NOT_CHOSEN for comparison in self.comparisons)


def read(path: Path) -> list[ClaimRecord]:
    """Read ``claims.json``. Raises `UserError` where it is missing or damaged."""
    try:
        return [from_json(ClaimRecord, record) for record in read_json(path)]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not the verdicts of a study ({error}); delete it and run again") from error


def write(path: Path, records: Sequence[ClaimRecord]) -> None:
    """Write ``claims.json``."""
    write_json(path, [record.model_dump() for record in records])
