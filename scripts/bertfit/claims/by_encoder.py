"""The verdicts of claims that are judged for several base encoders, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertfit.claims.claim_record import ClaimRecord
from bertfit.claims.claim_schema import ABSENT


@dataclass(frozen=True)
class ClaimRow:
    """A claim, and its verdict for the study's base encoder and for each other one; None where it is not judged."""

    claim: str
    sentence: str
    records: list[ClaimRecord | None]


@dataclass(frozen=True)
class VerdictsByEncoder:
    """``encoders``: titles of the others, in the order of the study; each row has a record more, of the base."""

    encoders: list[str]
    rows: list[ClaimRow]


def of(records: Sequence[ClaimRecord]) -> VerdictsByEncoder | None:
    """The claims that could be judged for another encoder, in the order of the file; None if there are none."""
    encoders = list(dict.fromkeys(record.encoder for record in records if record.encoder))
    found = {(record.claim, record.encoder): record for record in records}
    claims = dict.fromkeys(record.claim for record in records if record.encoder and record.verdict != ABSENT)
    sentences = {record.claim: record.sentence for record in records}
    rows = [
        ClaimRow(claim, sentences[claim], [found.get((claim, encoder)) for encoder in ("", *encoders)])
        for claim in claims
    ]
    return VerdictsByEncoder(encoders, rows) if rows else None


def of_base(records: Sequence[ClaimRecord]) -> list[ClaimRecord]:
    """The verdicts for the study's base encoder."""
    return [record for record in records if not record.encoder]
