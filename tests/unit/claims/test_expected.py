"""The finished miniature: what its world holds by construction was found, and nothing else was."""

from collections import Counter

import pytest

from bertfit.claims import claim_record
from bertfit.claims.expected import tally
from conftest import ROOT

CLAIMS = ROOT / "results/miniature/claims.json"


@pytest.mark.skipif(not CLAIMS.is_file(), reason="no finished miniature: snakemake claims")
def test_the_miniature_finds_what_is_expected():
    records = [record for record in claim_record.read(CLAIMS) if record.expected in ("effect", "null")]
    contradicted = [record.id for record in records if record.as_expected is False]
    assert not contradicted, tally(records)
    counts = Counter(record.as_expected for record in records)
    assert len(records) >= 5 and counts[None] <= len(records) / 3, tally(records)
