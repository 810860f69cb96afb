"""The page of the claims: verdicts in words, effects and the columns shown."""

import pytest

from bertfit.claims.claims_markdown import RESAMPLED, markdown
from helpers.claim_data import make
from helpers.claim_records import comparison_of, left_out, record_of


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


def test_the_page(world):
    world.judge(world.contrast("good", "bad"), expected={"claim": "effect"})
    page = (world.folder / "claims.md").read_text()
    lines = page.split("\n")
    assert lines[0] == "# Claims: tiny" and lines[2] == "holds: 1."
    assert "These corpora are synthetic: of 1 expected effect found 1, undecided 0, contradicted 0." in lines
    (row,) = [line for line in lines if line.startswith("| **holds**")]
    assert row.startswith("| **holds** | It is \\| so. | Table 2 | +20.00 | +")
    assert row.endswith("| < 0.001 | 3 | effect, found |")
    assert "| 95 % interval | resampled | p for |" in page and "Resampled: 95 % interval of the Multi-Bootstrap" in page


def test_claims_come_by_verdict_and_are_counted():
    verdicts = ("not available", "inconclusive", "holds", "does not hold", "holds")
    page = markdown([record_of(verdict, id=f"c{at}") for at, verdict in enumerate(verdicts)], "tiny")
    assert "holds: 2, does not hold: 1, inconclusive: 1, not available: 1." in page.split("\n")
    rows = [line.split(" | ")[0] for line in page.split("\n") if line.startswith("| **")]
    assert rows == ["| **holds**", "| **holds**", "| **does not hold**", "| **inconclusive**", "| **not available**"]
    assert [line for line in page.split("\n") if line.startswith("## ")] == [f"## c{at}" for at in range(5)]
    assert "| expected |" not in page and "synthetic" not in page


def test_a_comparison_shows_only_the_columns_that_it_has():
    page = markdown([record_of("holds", [comparison_of()], decided_by="x / y", p=0.25)], "tiny")
    assert "| **holds** | A \\| B. | here | +1.50 | -0.25 to +3.25 | 0.250 | 3 |" in page
    assert "**holds**; weakest: x / y" in page
    assert "| x | y | imdb, ag | +1.50 | -0.25 to +3.25 | 0.250 | < 0.001 | 1.23 | 0.5 |" in page
    assert "resampled" not in page and "published" not in page
    page = markdown([record_of("does not hold", [comparison_of(published=-0.5)], decided_by="x / y")], "tiny")
    assert "| -0.25 to +3.25 | -0.50 | 0.250 |" in page and "**does not hold**; decided by: x / y" in page


def test_a_share_of_runs_has_no_margin():
    page = markdown([record_of("holds", [comparison_of(resampled=(-1.0, 2.0))], kind="fails more often")], "tiny")
    assert "| +1.50 % of runs | -0.25 to +3.25 | -1.00 to +2.00 | 0.250 | < 0.001 | 1.23 |  |" in page
    assert RESAMPLED in page


def test_claims_that_a_choice_leaves_out_are_counted_in_one_line():
    """They are in no count, table or section, nor among the expectations that were not run."""
    records = [record_of("holds", id="kept", expected="effect", as_expected=True)]
    records += [record_of("not available", id="gone"), left_out(id="a", expected="effect"), left_out(id="b")]
    lines = markdown(records, "tiny").split("\n")
    assert lines[2] == "holds: 1, not available: 1."
    assert lines[4] == "Not judged: 2 claims about tables and figures that were not chosen (--config artefacts)."
    assert "These corpora are synthetic: of 1 expected effect found 1, undecided 0, contradicted 0." in lines
    assert [line for line in lines if line.startswith("## ")] == ["## kept", "## gone"]
    assert len([line for line in lines if line.startswith("| **")]) == 2
    assert "Not judged" not in markdown(records[:2], "tiny")
    assert "Not judged: 1 claim about tables" in markdown(records[:3], "tiny")


def test_a_choice_without_any_claim_has_no_empty_counts_and_no_table():
    lines = markdown([left_out()], "tiny").split("\n")
    assert lines[:3] == [
        "# Claims: tiny", "", "Not judged: 1 claim about tables and figures that were not chosen (--config artefacts).",
    ]  # fmt: skip
    assert not [line for line in lines if line.startswith(("|", "##", "."))]
