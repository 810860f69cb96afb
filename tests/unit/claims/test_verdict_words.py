"""Verdicts in words: what decided them, on what they rest, single seeds and failed runs."""

import pytest

from bertfit.claims import verdict_words
from bertfit.claims.assess import Finding
from bertfit.claims.claim_record import SideFailures
from bertfit.claims.claim_schema import FAILS, HOLDS, INCONCLUSIVE, Contrast, Kind, Question, Runs
from bertfit.experiments.cells import RunGroup
from bertfit.statistics.difference import Difference
from helpers.claim_data import make, write

SEVERAL, SINGLE = Difference(0.05, 0.01, 10, 3, 400), Difference(0.05, 0.01, 399, 1, 400)


def finding(effect=SEVERAL, kind: Kind = "better", columns=(), **more):
    runs = [Runs(weight=-1, corpus="imdb", encoder="mini~imdb@10.s1", recipe="default", seeds=[1])]
    contrast = Contrast(kind=kind, a="one", b="other", margin=2, columns=[runs])
    return Finding(contrast, effect, columns=tuple(columns) or (("imdb", effect),), **more)


@pytest.mark.parametrize(
    ("verdict", "kind", "effect", "words"),
    [
        (HOLDS, "better", SEVERAL, ""),
        (INCONCLUSIVE, "better", SEVERAL, ""),
        (FAILS, "better", Difference(-0.05, 0.01, 10, 3, 400), "the opposite is seen"),
        (FAILS, "better", Difference(0.005, 0.004, 100, 3, 400), "a gain of 2 points is excluded"),
        (FAILS, "larger gain", Difference(0.005, 0.004, 100, 3, 400), "a gain larger by 2 points is excluded"),
        (HOLDS, "equal", SEVERAL, "a difference of 2 points is excluded"),
        (FAILS, "equal", SEVERAL, "a difference of more than 2 points is seen"),
        (HOLDS, "not better", SEVERAL, "a gain of 2 points is excluded"),
        (FAILS, "fails", SEVERAL, "the opposite is seen"),
    ],
)
def test_what_was_shown_instead(verdict, kind, effect, words):
    assert verdict_words.reason(verdict, finding(effect, kind)) == words


def test_single_seeds_are_named():
    mixed = finding(SINGLE, columns=(("imdb", SEVERAL), ("ag", SINGLE), ("yelp", SINGLE)))
    words = verdict_words.wording(HOLDS, mixed, [mixed])
    assert words == "holds for these trained models (one seed on ag, yelp), given one pre-training"
    assert verdict_words.notes(HOLDS, [mixed])[1] == (
        "one seed on ag, yelp: a statement on these models, not on the strategies; it holds of other seeds, too, if "
        "their differences have a standard deviation below 5 points there"
    )  # 0.01**2 + 2 x 0.0496**2 / 9 = (0.05 / 1.966)**2
    # with Holm's correction p must be below 0.025 beside a p of 0.03: 0.01**2 + 2 x 0.042**2 / 9 = (0.05 / 2.25)**2
    assert "below 4.2 points there" in verdict_words.notes(HOLDS, [mixed, finding(support=0.03)])[1]
    # nothing to tolerate where the claim does not hold
    assert verdict_words.notes(FAILS, [mixed])[1].endswith("not on the strategies")
    alone = finding(SINGLE)
    assert "for these trained models (one seed)," in verdict_words.wording(HOLDS, alone, [alone])


def test_failed_runs_are_counted():
    sides = (SideFailures(name="one", failed=2, runs=9), SideFailures(name="other", failed=0, runs=9))
    better = finding(failures=sides)
    expected = "failed runs: 2 of 9 of one, 0 of 9 of other"
    assert f"{expected}; the side with the larger share is not called better" in verdict_words.notes(HOLDS, [better])
    assert expected in verdict_words.notes(HOLDS, [finding(kind="equal", failures=sides)])
    even = (sides[0], sides[0].model_copy(update={"name": "other"}))
    assert "failed runs: 2 of 9 of one, 2 of 9 of other" in verdict_words.notes(HOLDS, [finding(failures=even)])
    none = tuple(side.model_copy(update={"failed": 0}) for side in sides)
    assert not any("failed" in note for note in verdict_words.notes(HOLDS, [finding(failures=none)]))


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


@pytest.mark.parametrize(
    ("encoder", "notes"),
    [
        ("mini~imdb@300.s1~mt-four.s1", ["given one pre-training", "given one multi-task fine-tuning"]),
        ("mini~imdb@300.each~mt-four.each", []),  # each seed has its own
    ],
)
def test_stages_that_all_seeds_share_are_a_condition(world, encoder, notes):
    write(world.folder / "p/predictions.parquet", [range(20)] * 3)
    world.runs["p"] = (RunGroup("imdb", encoder, "x"), world.folder / "p/predictions.parquet")
    terms = [world.term(-1, "x", [1, 2, 3], encoder=encoder), world.term(1, "bad", [1, 2, 3])]
    record = world.judge(Contrast(kind="better", a="x", b="bad", margin=2, columns=[terms]))
    assert record["notes"] == notes
    assert record["wording"] == ", ".join(["holds", *notes])
    assert f"**{record['wording']}**" in (world.folder / "claims.md").read_text()


@pytest.mark.parametrize(
    ("names", "wording"),
    [
        (("good", "bad"), "holds on 1 of 2 corpora"),
        (("bad", "good"), "does not hold (the opposite is seen) on 1 of 2 corpora"),
        (("good", "same"), "no gain of 2 points or more on 1 of 2 corpora"),
    ],
)
def test_corpora_that_are_left_out_are_counted_and_named(world, names, wording):
    question = Question(
        id="claim",
        sentence="On each.",
        source="here",
        contrasts=[world.contrast(*names)],
        left_out=["sogou"],
        notes=["sogou: no files"],
    )
    record = world.judge_question(question)
    assert (record["wording"], record["notes"]) == (wording, ["sogou: no files"])
