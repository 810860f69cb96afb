"""Verdicts on made-up predictions whose outcome is known beforehand."""

import numpy as np
import pytest
from scipy.stats import norm

from bertfit.claims.claim_schema import Contrast
from helpers.claim_data import N, make


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


# ---------------------------------------------------------------------------------------------- kinds of claims


def test_better_holds(world):
    record = world.judge(world.contrast("good", "bad"))
    assert (record["verdict"], record["effect"], record["seeds"], record["examples"]) == ("holds", 20, 3, N)
    assert record["low"] > 10 and record["high"] < 30 and record["p"] < 1e-6
    (one,) = record["comparisons"]
    assert (one["a"], one["b"], one["columns"], one["reason"]) == ("good", "bad", ["imdb"], "")
    low, high = one["resampled"]
    assert record["low"] - 2 < low < 20 < high < record["high"] + 2


def test_better_does_not_hold_where_it_is_worse(world):
    record = world.judge(world.contrast("bad", "good"))
    assert (record["verdict"], record["because"], record["effect"]) == ("does not hold", "the opposite is seen", -20)
    assert record["p"] < 1e-6


def test_better_does_not_hold_where_the_gain_is_too_small_to_matter(world):
    record = world.judge(world.contrast("good", "same", margin=2.0))
    assert record["effect"] == 0 and record["high"] < 2
    assert (record["verdict"], record["because"]) == ("does not hold", "a gain of 2 points is excluded")
    assert record["wording"] == "no gain of 2 points or more"
    assert "**no gain of 2 points or more**" in (world.folder / "claims.md").read_text()


def test_better_is_open_where_a_gain_may_be_missed(world):
    record = world.judge(world.contrast("good", "same", margin=0.1))
    assert record["verdict"] == "inconclusive"
    assert record["high"] > 0.1 and record["p"] == 1


@pytest.mark.parametrize(
    ("margin", "other", "verdict", "because"),
    [
        (2.0, "same", "holds", "a difference of 2 points is excluded"),
        (0.1, "same", "inconclusive", ""),
        (2.0, "bad", "does not hold", "a difference of more than 2 points is seen"),
        (40.0, "bad", "holds", "a difference of 40 points is excluded"),
    ],
)
def test_equality_within_a_margin(world, margin, other, verdict, because):
    record = world.judge(world.contrast("good", other, kind="equal", margin=margin))
    assert (record["verdict"], record["because"]) == (verdict, because)
    inside = -margin < record["low"] and record["high"] < margin
    assert inside == (verdict == "holds")


@pytest.mark.parametrize(
    ("a", "b", "margin", "verdict"),
    [
        ("same", "good", 2.0, "holds"),
        ("bad", "good", 2.0, "holds"),  # worse is no gain either
        ("same", "good", 0.1, "inconclusive"),
        ("good", "bad", 2.0, "does not hold"),
    ],
)
def test_no_gain(world, a, b, margin, verdict):
    assert world.judge(world.contrast(a, b, kind="not better", margin=margin))["verdict"] == verdict


def test_training_that_fails(world):
    record = world.judge(world.contrast("chance", kind="fails"))
    assert (record["verdict"], record["effect"]) == ("holds", 10)  # 50 % wrong, 80 % of chance are 40 %
    record = world.judge(world.contrast("good", kind="fails"))
    assert (record["verdict"], record["effect"]) == ("does not hold", -35)
    assert record["wording"] == "does not hold (the opposite is seen)"
    world.train("half", [range(160), range(1, 161), range(2, 162)])
    record = world.judge(world.contrast("half", kind="fails"))
    assert (record["verdict"], record["effect"]) == ("inconclusive", 0)


def test_a_larger_gain(world):
    # 25 - 5 points with few examples, 0 with all
    record = world.judge(world.contrast("good", "bad", "good", "same", kind="larger gain"))
    assert (record["verdict"], record["effect"]) == ("holds", 20)
    record = world.judge(world.contrast("good", "same", "good", "bad", kind="larger gain"))
    assert (record["verdict"], record["effect"]) == ("does not hold", -20)


def test_a_wider_spread(world):
    world.train("steady", [range(40 + n % 3) for n in range(10)])
    world.train("shaky", [range(10 + 25 * n) for n in range(10)])
    seeds = list(range(1, 11))

    def contrast(wide, narrow):
        columns = [[world.term(1, wide, seeds)], [world.term(-1, narrow, seeds)]]
        return Contrast(kind="wider spread", a=wide, b=narrow, margin=2, columns=columns)

    record = world.judge(contrast("shaky", "steady"))
    means = []
    for errors in (10 + 25 * np.arange(10), 40 + np.arange(10) % 3):
        probits = norm.ppf((errors + 0.5) / (N + 1))
        means.append(np.sort(np.abs(probits - np.median(probits)))[1:].mean())
    assert record["effect"] == pytest.approx(means[0] - means[1], abs=1e-5)
    assert (record["verdict"], record["seeds"]) == ("holds", 10)
    page = (world.folder / "claims.md").read_text()
    assert f"| {record['effect']:+.2f} probits |" in page and "a less b, in probits of the error" in page
    assert world.judge(contrast("steady", "shaky"))["wording"] == "does not hold (the opposite is seen)"
    short = contrast("shaky", "steady")
    columns = [[runs.model_copy(update={"seeds": [1]})] for (runs,) in short.columns]
    record = world.judge(short.model_copy(update={"columns": columns}))
    assert (record["verdict"], record["notes"]) == ("not available", ["too few seeds to compare their spread"])


# ---------------------------------------------------------------------------------------------- one seed, Holm


def test_one_seed_is_mcnemars_test(world):
    world.train("one", [range(10)])
    world.train("other", [[*range(1, 10), *range(50, 60)]])
    record = world.judge(world.contrast("one", "other", seeds=[1]))
    # 11 examples are wrong in one of the two only, ten of them in the other: 2 (1 + 11) / 2**11
    assert (record["effect"], record["p"]) == (2.25, 0.0117188)
    assert (record["verdict"], record["wording"]) == ("holds", "holds for these trained models (one seed)")
    assert "one seed: a statement on these models, not on the strategies" in record["notes"]
    assert "**holds for these trained models (one seed)**" in (world.folder / "claims.md").read_text()
    record = world.judge(world.contrast("other", "one", seeds=[1]))
    assert record["wording"] == "does not hold (the opposite is seen) for these trained models (one seed)"
    record = world.judge(world.contrast("one", "one", seeds=[1]))
    assert record["wording"] == "no gain of 2 points or more for these trained models (one seed)"
    record = world.judge(world.contrast("one", "other", seeds=[1], kind="equal"))
    assert record["wording"] == "inconclusive"


def test_best_of_several_is_corrected(world):
    world.train("best", [[]])
    for name in ("b", "c", "d"):
        world.train(name, [range(6)])  # 6 to 0: p = 2 / 64
    contrasts = [world.contrast("best", name, seeds=[1]) for name in ("b", "c", "d")]
    assert world.judge(contrasts[0])["p"] == 0.03125
    assert world.judge(contrasts[0])["verdict"] == "holds"
    record = world.judge(*contrasts)
    assert (record["verdict"], record["p"]) == ("inconclusive", 0.09375)
    assert [(one["p"], one["support"]) for one in record["comparisons"]] == [(0.03125, 0.09375)] * 3


def test_one_comparison_against_it_is_enough(world):
    record = world.judge(world.contrast("good", "bad"), world.contrast("bad", "good"))
    assert (record["verdict"], record["effect"]) == ("does not hold", -20)
    assert record["decided_by"] == "bad / good (imdb)"


def test_the_weakest_comparison_is_shown(world):
    world.train("worse", [range(60), range(61), range(62)])
    record = world.judge(world.contrast("good", "bad"), world.contrast("good", "worse"))
    assert (record["verdict"], record["decided_by"]) == ("holds", "good / worse (imdb)")


# ---------------------------------------------------------------------------------------------- several corpora


def test_the_mean_over_corpora(world):
    world.train("good", [range(40)] * 3, corpus="ag")
    world.train("bad", [range(80)] * 3, corpus="ag")
    record = world.judge(world.contrast("good", "bad", corpora=("imdb", "ag")))
    assert (record["verdict"], record["effect"]) == ("holds", 15)  # of 20 and 10
    each = record["comparisons"][0]["each"]
    assert {name: numbers["effect"] for name, numbers in each.items()} == {"imdb": 20, "ag": 10}


def test_a_corpus_of_one_seed_beside_others(world):
    """Its models say nothing of seeds: they are taken to differ as on the other corpus."""
    world.train("good", [range(40)], corpus="ag")
    world.train("bad", [range(80)], corpus="ag")
    columns = [
        [world.term(-1, "good", seeds, corpus), world.term(1, "bad", seeds, corpus)]
        for corpus, seeds in (("imdb", [1, 2, 3]), ("ag", [1]))
    ]
    contrast = Contrast(kind="better", a="good", b="bad", margin=2, columns=columns)
    record = world.judge(contrast)
    assert (record["wording"], record["effect"], record["seeds"]) == ("holds", 15, 3)
    assert record["notes"] == ["one seed on ag: between-seed variance is that of the other corpora"]
    record = world.judge(contrast.model_copy(update={"columns": columns[1:] * 2}))
    assert (record["wording"], record["seeds"]) == ("holds for these trained models (one seed)", 1)


def test_what_has_no_seeds_stands_beside_every_seed(world):
    world.train("counts", [range(200)])
    terms = [world.term(-1, "good", [1, 2, 3]), world.term(1, "counts", [1], constant=True)]
    contrast = Contrast(kind="better", a="good", b="counts", margin=2, columns=[terms])
    record = world.judge(contrast)
    assert (record["verdict"], record["effect"], record["seeds"]) == ("holds", 45, 3)


def test_only_common_seeds_are_compared(world):
    terms = [world.term(-1, "good", [1, 2]), world.term(1, "bad", [2, 3])]
    contrast = Contrast(kind="better", a="good", b="bad", margin=2, columns=[terms])
    assert world.judge(contrast)["seeds"] == 1
    apart = [world.term(-1, "good", [1]), world.term(1, "bad", [3])]
    record = world.judge(contrast.model_copy(update={"columns": [apart]}))
    assert (record["verdict"], record["notes"]) == ("not available", ["imdb: its runs have no seed in common"])


# ---------------------------------------------------------------------------------------------- what is missing


def test_not_available(world):
    missing = Contrast(kind="better", a="good", b="sogou", margin=2, reason="sogou: not available (no files)")
    record = world.judge(missing)
    assert (record["verdict"], record["effect"], record["p"]) == ("not available", None, None)
    assert record["notes"] == ["sogou: not available (no files)"]
    # what was never compared is not beaten; what is seen elsewhere may refute all the same
    record = world.judge(world.contrast("good", "bad"), missing)
    assert record["verdict"] == "inconclusive"
    assert record["wording"] == "inconclusive (holds for 1 of 2 comparisons)"
    assert record["notes"] == ["1 of 2 comparisons could be made", "sogou: not available (no files)"]
    record = world.judge(world.contrast("good", "same", margin=0.1), missing)
    assert record["wording"] == "inconclusive"
    assert world.judge(world.contrast("bad", "good"), missing)["verdict"] == "does not hold"


@pytest.mark.parametrize(
    ("corpora", "missing", "wording"),
    [
        (("imdb", "ag"), 0, "holds"),
        (("imdb", "ag"), 1, "holds on 2 of 3 corpora"),
        (("imdb", "ag"), 2, "inconclusive (holds on 2 of 4 corpora)"),
        (("imdb",), 1, "inconclusive (holds on 1 of 2 corpora)"),
    ],
)
def test_a_mean_needs_most_of_its_corpora(world, corpora, missing, wording):
    world.train("good", [range(40)] * 3, corpus="ag")
    world.train("bad", [range(80)] * 3, corpus="ag")
    contrast = world.contrast("good", "bad", corpora=corpora)
    record = world.judge(contrast.model_copy(update={"missing": missing, "reason": "x" if missing else ""}))
    assert record["wording"] == wording and wording.startswith(record["verdict"])


# ---------------------------------------------------------------------------------------------- beside the paper
