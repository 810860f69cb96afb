"""Claims as data: what the file may say, and the margins of a study."""

import pytest
from pydantic import ValidationError

from bertfit.claims.claim_schema import ClaimSpec
from helpers.claim_files import ONE, complains, load


def test_margins(tmp_path):
    claims = load(tmp_path, ONE).claims
    claim = claims.claims["head-tail"]
    own = claim.model_copy(update={"margin": 3.0, "margins": {"compact": 4.0}})
    assert [claims.margin_of(claim, study) for study in ("paper", "mine", "mine.sample100")] == [0.5, 2, 2]
    assert [claims.margin_of(own, study) for study in ("paper", "mine", "compact")] == [3, 3, 4]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("sentence", "sentense", 5, "unknown key 'sentense'"),
        ("    compare:", "    kind: beter\n    compare:", 7, "kind"),
        ("        b: {row: [head-only, tail-only]}\n", "", 4, "a claim of kind better needs a side b"),
        ("    compare:", "    kind: fails\n    compare:", 4, "a claim of kind fails needs no side b"),
        ("        b:", "        than: {size: largest}\n        b:", 4, "`than` belongs to kind larger gain"),
        ("artefact: table2, ", "", 4, "side a needs an artefact and a row"),
        ("margin: 0.5", "margin: -1", 1, "margin"),
        ("    compare:", "    contradicts: head-tial\n    compare:", 7, "no other claim 'head-tial'"),
        ("    compare:", "    contradicts: head-tail\n    compare:", 7, "no other claim 'head-tail'"),
        ("row: head+tail", "row: head+tail, selection: first", 8, "selection"),
        ("    compare:", "    measure: training_loss\n    compare:", 7, "measure"),
        ("[head-only, tail-only]", "[]", 9, "row = []: Value should have at least 1 item"),
        ("row: head+tail", "row: head+tail, column: imdb, without: [trec]", 4, "`without` belongs to side a"),
        ("tail-only]", "tail-only], without: [trec]", 4, "or to a side with `column: all`"),
        ("row: head+tail", "row: head+tail, column: []", 8, "column = []: Value should have at least 1 item"),
    ],
)  # fmt: skip
def test_what_is_no_claim(tmp_path, old, new, line, message):
    complains(tmp_path, line, message, lambda: load(tmp_path, ONE.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("kind", "selection", "message"),
    [
        ("better", ", selection: best", "`selection` chooses among test errors"),
        ("fails more often", "", "kind fails more often is about test errors"),
    ],
)
def test_what_training_errors_cannot_be(tmp_path, kind, selection, message):
    text = ONE.replace("    compare:", f"    kind: {kind}\n    measure: training_error\n    compare:")
    text = text.replace("row: head+tail", "row: head+tail" + selection)
    complains(tmp_path, 4, message, lambda: load(tmp_path, text))


def test_an_unknown_mark_is_refused():
    with pytest.raises(ValidationError, match="'effect', 'null' or 'unknown'.*'efect'"):
        ClaimSpec(study="tiny", questions=[], runs=[], expected={"claim": "efect"})
