"""claims.json: its keys; what is read is what was written."""

import json

import pytest

from bertfit.claims import claim_record
from bertfit.claims.claim_schema import NOT_CHOSEN
from bertfit.core.errors import UserError
from helpers.claim_data import make
from helpers.claim_records import comparison_of, left_out, record_of, uncompared


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


def test_what_is_read_is_what_was_written(world):
    gap = world.contrast("good", "bad").model_copy(update={"columns": [], "reason": "no files"})
    world.judge(world.contrast("good", "bad"), gap, expected={"claim": "effect"})
    path = world.folder / "claims.json"
    (record,) = claim_record.read(path)
    claim_record.write(world.folder / "again.json", [record])
    assert (world.folder / "again.json").read_bytes() == path.read_bytes()
    assert record.estimate == record.comparisons[0].estimate and record.estimate.effect == 20
    assert record.comparisons[1].estimate is None and record.comparisons[1].reason == "no files"


def test_the_keys_of_the_json(world):
    record = world.judge(world.contrast("good", "bad"))
    assert list(record) == [
        "id", "encoder", "sentence", "source", "kind", "verdict", "wording", "because", "estimate", "p", "decided_by",
        "expected", "as_expected", "notes", "comparisons",
    ]  # fmt: skip
    assert list(record["comparisons"][0]) == [
        "a", "b", "columns", "margin", "estimate", "published", "resampled", "detectable", "needed_seeds",
        "needed_examples", "failed", "tolerated_spread", "p", "support", "against", "reason", "by_corpus",
    ]  # fmt: skip
    assert list(record["estimate"]) == ["effect", "low", "high", "seeds", "examples"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record.pop("wording"), "wording is missing"),
        (lambda record: record["estimate"].pop("low"), "estimate.low is missing"),
        (lambda record: record["estimate"].update(low=None), "estimate.low = None"),
        (lambda record: record.update(verdict="perhaps"), "verdict = 'perhaps'"),
    ],
)
def test_what_is_no_record_of_claims_is_named(world, change, reason):
    record = world.judge(world.contrast("good", "bad"))
    change(record)
    path = world.folder / "claims.json"
    path.write_text(json.dumps([record]))
    with pytest.raises(UserError, match=rf"claims.json: not the verdicts of a study \({reason}.*\); delete it"):
        claim_record.read(path)
    path.write_text("3")
    with pytest.raises(UserError, match="claims.json: not the verdicts of a study"):
        claim_record.read(path)


def test_a_claim_that_a_choice_of_artefacts_leaves_out(world):
    assert NOT_CHOSEN == "left out by --config artefacts"
    gone = uncompared(NOT_CHOSEN)
    assert left_out().not_chosen
    assert record_of("not available", [uncompared("no files"), gone]).not_chosen
    # a corpus without files, or a table that the study leaves out, is no choice
    assert not record_of("not available", [uncompared("sogou: not available (no files)")]).not_chosen
    assert not record_of("not available").not_chosen
    # what is decided by other comparisons is judged
    assert not record_of("does not hold", [comparison_of(), gone]).not_chosen
    assert not record_of("inconclusive", [comparison_of(), gone]).not_chosen


def test_a_choice_is_known_from_the_file(world):
    """The contrast as `claim_jobs` empties it, judged, written and read."""
    emptied = world.contrast("good", "bad").model_copy(update={"columns": [], "reason": NOT_CHOSEN})
    world.judge(emptied)
    (record,) = claim_record.read(world.folder / "claims.json")
    assert record.not_chosen and (record.verdict, record.notes) == ("not available", [NOT_CHOSEN])
    assert "not_chosen" not in json.loads((world.folder / "claims.json").read_text())[0]
