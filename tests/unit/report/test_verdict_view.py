"""Verdicts on the page: their order and colour, intervals as bars, numbers in words."""

from __future__ import annotations

import pytest

from bertfit.claims import claim_record
from bertfit.claims.claim_schema import NOT_CHOSEN
from bertfit.report import report_page, verdict_view
from helpers.claim_records import comparison_of, left_out, record_of
from helpers.page_reader import Page
from helpers.reportdata import make


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    spec = make(root)
    return root, spec, report_page.page(spec, root)


def test_bars_stand_by_the_square_root():
    assert [verdict_view.position(value, 16) for value in (0, 4, -4, 16, -99)] == [50, 75, 25, 100, 0]


def test_verdicts_come_in_their_order_with_their_runs(made):
    _, _, text = made
    page = Page(text)
    claims = [one for one in page.ids if one.startswith("claim-")]
    assert claims == ["claim-tail-best", "claim-further-helps", "claim-large-best"]
    assert "Of 2 expected effects found 1, undecided 1, contradicted 0." in " ".join(text.split())
    assert "&lt; 0.001" in text and "−4.00 to +9.00" in text


def test_a_verdict_by_hand():
    record = record_of("holds", [comparison_of(published=-0.5)], decided_by="x / y", p=0.25, wording="holds, so far")
    (view,) = verdict_view.verdicts([record], {"claim": [["imdb/mini/r"]]}, {"claim": "by construction"})
    assert (view.tone, view.wording, view.role, view.why) == (
        "yes",
        "holds, so far",
        "weakest comparison",
        "by construction",
    )
    assert (view.effect, view.interval, view.p, view.seeds, view.examples) == (
        "+1.50",
        "−0.25 to +3.25",
        "0.250",
        3,
        400,
    )
    assert view.bar == [verdict_view.position(value, 3.25) for value in (-0.25, 1.5, 3.25)] and view.bar[-1] == 100
    (comparison,) = view.comparisons
    assert (comparison.published, comparison.support, comparison.against) == ("−0.50", "0.250", "< 0.001")
    assert (comparison.detectable, comparison.margin, comparison.runs) == ("1.23", "0.5", ["imdb/mini/r"])


def test_a_share_of_runs_has_no_bar_and_sets_no_scale():
    spread = record_of("does not hold", [comparison_of()], kind="fails more often")
    (view,) = verdict_view.verdicts([spread], {}, {})
    assert (view.bar, view.unit, view.role) == (None, " % of runs", "decided by")
    assert (
        verdict_view.span([spread]) == 1 and verdict_view.span([spread, record_of("holds", [comparison_of()])]) == 3.25
    )


def needed_words(verdict="inconclusive", **needed):
    numbers = [dict(zip(needed, values, strict=True)) for values in zip(*needed.values(), strict=True)]
    record = record_of(verdict, [comparison_of(**one) for one in numbers])
    return verdict_view.verdicts([record], {}, {})[0].needed


def test_what_would_decide_an_open_claim():
    """As many as the comparison needs that needs most; nothing where one of them could not be decided."""
    end = "would decide it, were the effect as seen"
    both = {"needed_seeds": [9, 4], "needed_examples": [400, 4100]}
    assert needed_words(**both) == f"open: 9 seeds, or 4,100 test texts, {end}"
    assert needed_words(**both | {"needed_seeds": [9, None]}) == f"open: 4,100 test texts {end}"
    assert needed_words(needed_seeds=[9, None], needed_examples=[None, 4100]) == ""
    decided = {"support": [0.2, 0.01]}
    assert needed_words(needed_seeds=[9, None], needed_examples=[None, None], **decided) == f"open: 9 seeds {end}"
    assert needed_words("does not hold", **both) == ""


def test_what_is_needed_stands_beside_the_wording(tmp_path):
    spec = make(tmp_path)
    records = claim_record.read(tmp_path / "claims.json")
    comparison = records[0].comparisons[0].model_copy(update={"needed_seeds": 9})
    claim_record.write(
        tmp_path / "claims.json", [records[0].model_copy(update={"comparisons": [comparison]}), *records[1:]]
    )
    text = report_page.page(spec, tmp_path)
    words = "open: 9 seeds would decide it, were the effect as seen"
    assert f'<span class="verdict">inconclusive<small>{words}</small></span>' in text
    assert text.count('<p class="soft">Needed: ') == 1 and "<td>9 seeds</td>" in text


def test_what_could_not_be_compared_is_empty():
    record = record_of("not available", [comparison_of(estimate=None, support=None, against=None, detectable=None)])
    (view,) = verdict_view.verdicts([record], {}, {})
    (comparison,) = view.comparisons
    assert (view.tone, view.effect, view.bar, view.seeds, view.p) == ("none", "", None, None, "")
    assert (comparison.effect, comparison.interval, comparison.support, comparison.detectable) == ("", "", "", "")
    assert comparison.runs == []


def test_verdicts_are_counted_with_their_colours():
    records = [record_of(verdict) for verdict in ("holds", "inconclusive", "holds")]
    assert verdict_view.counts(records) == [
        ("holds", "yes", 2), ("does not hold", "no", 0), ("inconclusive", "open", 1), ("not available", "none", 0),
    ]  # fmt: skip


def test_what_a_choice_leaves_out_is_not_counted():
    records = [record_of("holds"), left_out(), record_of("not available"), left_out()]
    assert [count for *_, count in verdict_view.counts(records)] == [1, 0, 0, 1]
    views = verdict_view.verdicts(records, {}, {})
    assert [(view.wording, view.not_chosen) for view in views] == [
        ("holds", False), ("not available", True), ("not available", False), ("not available", True),
    ]  # fmt: skip


def test_what_a_choice_leaves_out_is_a_folded_list_of_sentences(tmp_path, made):
    spec = make(tmp_path)
    about = "Claims about tables and figures that were not chosen (--config artefacts)"
    assert about not in made[2]
    further, tail, large = claim_record.read(tmp_path / "claims.json")
    comparison = large.comparisons[0].model_copy(update={"reason": NOT_CHOSEN})
    gone = large.model_copy(update={"comparisons": [comparison], "expected": "effect", "sentence": "Wide & deep wins."})
    claim_record.write(tmp_path / "claims.json", [further, tail, large, gone.model_copy(update={"id": "gone"})])
    text = report_page.page(spec, tmp_path)
    page = Page(text)
    # the claim that is not available for other reasons is shown as before, the other one without numbers
    assert [one for one in page.ids if one.startswith("claim-")] == [
        "claim-tail-best", "claim-further-helps", "claim-large-best",
    ]  # fmt: skip
    folded = " ".join(text[text.index(f"<summary>{about}: 1</summary>") :].split())
    sentence = '<li>Wide &amp; deep wins. <span class="soft">5.4</span></li>'
    assert folded.startswith(f"<summary>{about}: 1</summary> <ul> {sentence} </ul> </details>")
    assert '<li class="none"><b>1</b> not available</li>' in text
    # nor is it an expectation that was not run
    assert "Of 2 expected effects found 1, undecided 1, contradicted 0." in " ".join(text.split())
    claim_record.write(tmp_path / "claims.json", [gone])
    assert "These corpora are synthetic" not in report_page.page(spec, tmp_path)


@pytest.mark.parametrize(("dropped", "is_open"), [(0, True), (2, False)])
def test_what_this_study_cannot_have_is_folded_if_it_is_most_of_the_chosen(tmp_path, made, dropped, is_open):
    spec = make(tmp_path)
    further, tail, large = claim_record.read(tmp_path / "claims.json")
    gone = large.model_copy(update={"comparisons": [large.comparisons[0].model_copy(update={"reason": NOT_CHOSEN})]})
    claims = [further, large] if dropped else [further, tail, large]
    claims += [gone.model_copy(update={"id": f"gone{number}"}) for number in range(dropped)]
    claim_record.write(tmp_path / "claims.json", claims)
    text = report_page.page(spec, tmp_path)
    summary = text.index("<summary>Claims that need runs outside this study: 1</summary>")
    assert text[:summary].rstrip().endswith(" open>") == is_open
