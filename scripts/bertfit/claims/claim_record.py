"""What ``claims.json`` holds, typed: the verdict on each claim, with the numbers of its comparisons.

Effects are in points of test error, of the kind `wider spread` in probits. Imports neither torch nor pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bertfit.claims.claim_schema import Kind, Mark, Verdict
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


class _WithEstimate(Spec):
    """Base of records with an ``estimate``, whose numbers stand among the other keys of the JSON; null without one."""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "estimate" in content:
            return content
        others = {name: value for name, value in content.items() if name not in Estimate.model_fields}
        numbers = {name: content[name] for name in Estimate.model_fields if content.get(name) is not None}
        return others | {"estimate": numbers or None}

    @model_serializer(mode="wrap")
    def _spread(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for name, value in handler(self).items():
            content |= (value or dict.fromkeys(Estimate.model_fields)) if name == "estimate" else {name: value}
        return content


class ComparisonRecord(_WithEstimate):
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
    p: float | None
    """that there is no effect, not corrected"""
    support: float | None
    """corrected p for the claim"""
    against: float | None
    """corrected p against it"""
    reason: str
    by_corpus: dict[str, Estimate] = Field(alias="each")
    """empty for a single corpus"""


class ClaimRecord(_WithEstimate):
    """A claim; ``estimate`` and ``p`` are those of the comparison that decides it, ``decided_by``."""

    id: str
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


def read(path: Path) -> list[ClaimRecord]:
    """Read ``claims.json``. Raises `UserError` where it is missing or damaged."""
    try:
        return [from_json(ClaimRecord, record) for record in read_json(path)]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not the verdicts of a study ({error}); delete it and run again") from error


def write(path: Path, records: Sequence[ClaimRecord]) -> None:
    """Write ``claims.json``."""
    write_json(path, [record.model_dump(by_alias=True) for record in records])
