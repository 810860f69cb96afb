"""Verdicts beside what the synthetic corpora hold by construction."""

from collections import Counter
from pathlib import Path

import pytest

from bertfit.claims import claim_record, claim_schema, expected
from bertfit.claims.claim_record import ClaimRecord
from bertfit.claims.claim_schema import Contrast
from bertfit.claims.expected import EXPECTED, tally
from bertfit.core.errors import UserError
from conftest import ROOT
from helpers.claim_data import make

CLAIMS = ROOT / "results/miniature/claims.json"


@pytest.mark.skipif(not CLAIMS.is_file(), reason="no finished miniature: snakemake claims")
def test_the_miniature_finds_what_is_expected():
    records = [record for record in claim_record.read(CLAIMS) if record.expected in ("effect", "null")]
    contradicted = [record.id for record in records if record.as_expected is False]
    assert not contradicted, tally(records)
    counts = Counter(record.as_expected for record in records)
    assert len(records) >= 5 and counts[None] <= len(records) / 3, tally(records)


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


@pytest.mark.parametrize(
    ("kind", "names", "truth", "as_expected"),
    [
        ("better", ("good", "bad"), "effect", True),
        ("better", ("bad", "good"), "effect", False),
        ("better", ("good", "same"), "effect", False),  # a gain of 2 points is excluded
        ("better", ("good", "bad"), "null", False),
        ("better", ("bad", "good"), "null", False),
        ("better", ("good", "same"), "null", True),
        ("better", ("good", "bad"), "unknown", None),
        ("not better", ("good", "same"), "null", True),
        ("not better", ("good", "bad"), "null", False),
        ("not better", ("bad", "good"), "null", False),  # the claim holds, and yet there is a difference
        ("not better", ("good", "bad"), "effect", True),
        ("equal", ("good", "same"), "null", True),
    ],
)
def test_expected_truth(world, kind, names, truth, as_expected):
    record = world.judge(world.contrast(*names, kind=kind), expected={"claim": truth})
    assert (record["expected"], record["as_expected"]) == (truth, as_expected)


@pytest.mark.parametrize(("kind", "truth"), [("better", "effect"), ("better", "null"), ("not better", "null")])
def test_what_is_not_decided_is_not_as_expected(world, kind, truth):
    record = world.judge(world.contrast("good", "same", kind=kind, margin=0.1), expected={"claim": truth})
    assert (record["verdict"], record["as_expected"]) == ("inconclusive", None)
    missing = Contrast(kind="better", a="good", b="sogou", margin=2, reason="no files")
    assert world.judge(missing, expected={"claim": truth})["as_expected"] is None


def test_expected_effects_and_nulls_are_counted():
    marks = [("effect", True), ("effect", None), ("effect", False), ("effect", True), ("null", True), ("unknown", None)]
    records = [
        ClaimRecord.model_construct(expected=mark, as_expected=outcome, verdict="inconclusive")
        for mark, outcome in marks
    ]
    assert expected.tally(records).split("; ") == [
        "of 4 expected effects found 2, undecided 1, contradicted 1",
        "of 1 expected null found 1, undecided 0, contradicted 0",
    ]
    assert expected.tally(records[-1:]) == ""
    records.append(ClaimRecord.model_construct(expected="null", as_expected=None, verdict="not available"))
    assert expected.outcome(records[-1]) == "not run"
    last = "of 2 expected nulls found 1, undecided 0, contradicted 0, not run 1"
    assert expected.tally(records).split("; ")[1] == last


def test_expected_is_empty_outside_the_synthetic_corpora(world):
    assert world.judge(world.contrast("good", "bad"))["expected"] is None
    assert world.judge(world.contrast("good", "bad"), expected={})["expected"] == "unknown"
    with pytest.raises(UserError, match="'clam', which .* did you mean 'claim'"):
        world.judge(world.contrast("good", "bad"), expected={"clam": "effect"})


def test_every_claim_has_an_expectation() -> None:
    claims = claim_schema.load(Path(__file__).parents[3] / "paper/claims.yaml").claims.claims
    assert set(EXPECTED) == set(claims)
    assert {mark for mark, _ in EXPECTED.values()} == {"effect", "null", "unknown"}
    assert EXPECTED["small-corpus-harms"][0] == "null"
