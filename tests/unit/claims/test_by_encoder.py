"""Claims in rows, encoders in columns."""

from __future__ import annotations

from bertfit.claims import by_encoder
from bertfit.claims.claims_markdown import markdown
from helpers.claim_records import comparison_of, record_of


def records():
    measured = [comparison_of()]
    return [
        record_of("holds", measured, id="first"),
        record_of("inconclusive", id="second"),
        record_of("does not hold", measured, id="second--roberta", encoder="RoBERTa"),
        record_of("holds", measured, id="first--modern", encoder="Modern | BERT"),
        record_of("not available", id="second--modern", encoder="Modern | BERT"),
        record_of("holds", id="third"),
        record_of("not available", id="third--modern", encoder="Modern | BERT"),
    ]


def test_a_row_a_claim_and_a_column_an_encoder():
    found = by_encoder.of(records())
    assert found is not None and found.encoders == ["RoBERTa", "Modern | BERT"]
    verdicts = {row.claim: [record and record.verdict for record in row.records] for row in found.rows}
    assert verdicts == {
        "second": ["inconclusive", "does not hold", "not available"],
        "first": ["holds", None, "holds"],
    }
    assert by_encoder.of(by_encoder.of_base(records())) is None
    assert [record.id for record in by_encoder.of_base(records())] == ["first", "second", "third"]


def test_the_page_counts_those_of_the_base_encoder_alone():
    text = markdown(records(), "two")
    assert "holds: 2, inconclusive: 1." in text and "third--modern" not in text, "nothing could be judged"
    table = text.split("## Other encoders")[1].split("\n## ")[0]
    assert "| claim | base encoder | RoBERTa | Modern \\| BERT |" in table
    assert "| **second**: A \\| B. | inconclusive | does not hold: +1.50 (-0.25 to +3.25) | not available |" in table
    assert "## first--modern" in text and "Other encoders" not in markdown(by_encoder.of_base(records()), "one")
