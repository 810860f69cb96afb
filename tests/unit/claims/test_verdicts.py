"""Verdicts on made-up predictions whose outcome is known beforehand."""

import pytest

from bertfit.claims.claim_schema import Contrast
from bertfit.evaluation import predictions
from helpers.claim_data import N, make


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


# ---------------------------------------------------------------------------------------------- kinds of claims


def test_better_holds(world):
    record = world.judge(world.contrast("good", "bad"))
    assert (
        record["verdict"],
        record["estimate"]["effect"],
        record["estimate"]["seeds"],
        record["estimate"]["examples"],
    ) == ("holds", 20, 3, N)
    assert record["estimate"]["low"] > 10 and record["estimate"]["high"] < 30 and record["p"] < 1e-6
    (one,) = record["comparisons"]
    assert (one["a"], one["b"], one["columns"], one["reason"]) == ("good", "bad", ["imdb"], "")
    low, high = one["resampled"]
    assert record["estimate"]["low"] - 2 < low < 20 < high < record["estimate"]["high"] + 2


def test_better_does_not_hold_where_it_is_worse(world):
    record = world.judge(world.contrast("bad", "good"))
    assert (record["verdict"], record["because"], record["estimate"]["effect"]) == (
        "does not hold",
        "the opposite is seen",
        -20,
    )
    assert record["p"] < 1e-6


def test_better_does_not_hold_where_the_gain_is_too_small_to_matter(world):
    record = world.judge(world.contrast("good", "same", margin=2.0))
    assert record["estimate"]["effect"] == 0 and record["estimate"]["high"] < 2
    assert (record["verdict"], record["because"]) == ("does not hold", "a gain of 2 points is excluded")
    assert record["wording"] == "no gain of 2 points or more"
    assert "**no gain of 2 points or more**" in (world.folder / "claims.md").read_text()


def test_better_is_open_where_a_gain_may_be_missed(world):
    record = world.judge(world.contrast("good", "same", margin=0.1))
    assert record["verdict"] == "inconclusive"
    assert record["estimate"]["high"] > 0.1 and record["p"] == 1


@pytest.mark.parametrize(
    ("margin", "other", "verdict", "because"),
    [
        (2.0, "same", "holds", "a difference of 2 points is excluded"),
        (0.1, "same", "inconclusive", ""),
        (2.0, "bad", "does not hold", "a difference of more than 2 points is seen"),
        (1.0, "bad", "does not hold", "a difference of more than 1 point is seen"),
        (40.0, "bad", "holds", "a difference of 40 points is excluded"),
    ],
)
def test_equality_within_a_margin(world, margin, other, verdict, because):
    record = world.judge(world.contrast("good", other, kind="equal", margin=margin))
    assert (record["verdict"], record["because"]) == (verdict, because)
    inside = -margin < record["estimate"]["low"] and record["estimate"]["high"] < margin
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


# ---------------------------------------------------------------------------------------------- one seed, Holm


def test_one_seed_is_mcnemars_test(world):
    world.train("one", [range(10)])
    world.train("other", [[*range(1, 10), *range(50, 60)]])
    record = world.judge(world.contrast("one", "other", seeds=[1]))
    # 11 examples are wrong in one of the two only, ten of them in the other: 2 (1 + 11) / 2**11
    assert (record["estimate"]["effect"], record["p"]) == (2.25, 0.0117188)
    assert (record["verdict"], record["wording"]) == ("holds", "holds for these trained models (one seed)")
    (note,) = record["notes"]
    assert note.startswith("one seed: a statement on these models, not on the strategies; it holds of other seeds, too")
    spread = record["comparisons"][0]["tolerated_spread"]
    assert 0 < spread < 2.25 and f"below {spread:.2g} points there" in note
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
    assert (record["verdict"], record["estimate"]["effect"]) == ("does not hold", -20)
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
    assert (record["verdict"], record["estimate"]["effect"]) == ("holds", 15)  # of 20 and 10
    by_corpus = record["comparisons"][0]["by_corpus"]
    assert {name: numbers["effect"] for name, numbers in by_corpus.items()} == {"imdb": 20, "ag": 10}


def test_a_corpus_of_one_seed_beside_others(world):
    """Its models say nothing of seeds: the verdict concerns them, and says for how large a spread it would stand."""
    world.train("good", [range(40)], corpus="ag")
    world.train("bad", [range(80)], corpus="ag")
    columns = [
        [world.term(-1, "good", seeds, corpus), world.term(1, "bad", seeds, corpus)]
        for corpus, seeds in (("imdb", [1, 2, 3]), ("ag", [1]))
    ]
    contrast = Contrast(kind="better", a="good", b="bad", margin=2, columns=columns)
    record = world.judge(contrast)
    assert record["wording"] == "holds for these trained models (one seed on ag)"
    assert (record["estimate"]["effect"], record["estimate"]["seeds"]) == (15, 1)
    spread = record["comparisons"][0]["tolerated_spread"]
    assert 5 < spread < 30
    assert record["notes"] == [
        "one seed on ag: a statement on these models, not on the strategies; it holds of other seeds, too, if their "
        f"differences have a standard deviation below {spread:.2g} points there"
    ]
    record = world.judge(contrast.model_copy(update={"columns": columns[1:] * 2}))
    assert (record["wording"], record["estimate"]["seeds"]) == ("holds for these trained models (one seed)", 1)


# ---------------------------------------------------------------------------------------------- what is missing


def test_not_available(world):
    missing = Contrast(kind="better", a="good", b="sogou", margin=2, reason="sogou: not available (no files)")
    record = world.judge(missing)
    assert (record["verdict"], record["estimate"], record["p"]) == ("not available", None, None)
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


def test_the_papers_gain_stands_beside_ours(world):
    path = world.folder / "published.csv"
    path.write_text(
        "artefact,row,column,value,confidence\ntable2,a,IMDb,5.4,seen\ntable2,b,IMDb,5.63,seen\ntable2,b,AG,/,seen\n"
    )
    contrast = world.contrast("good", "bad")

    def at(*columns):
        keys = [[("table2", row, column) for row in "ab"] for column in columns]
        return contrast.model_copy(update={"columns": [
            [runs.model_copy(update={"paper": key}) for runs, key in zip(contrast.columns[0], each, strict=True)]
            for each in keys
        ]})  # fmt: skip

    (one,) = world.judge(at("IMDb"), published=path)["comparisons"]
    assert one["published"] == pytest.approx(0.23)
    page = (world.folder / "claims.md").read_text()
    assert "| published | p for |" in page and "| +0.23 |" in page
    assert world.judge(at("IMDb", "AG"), published=path)["comparisons"][0]["published"] is None
    (one,) = world.judge(contrast, published=path)["comparisons"]
    assert one["published"] is None and "published" not in (world.folder / "claims.md").read_text()
    assert world.judge(at("IMDb"))["comparisons"][0]["published"] is None


def test_the_epoch_that_validation_chooses_and_the_training_error(world):
    """Validation prefers step 10, at which all is wrong; at step 40 5 % are, and 49 to 51 % of the training batches."""
    _, path = world.runs["imdb", "mini", "good"]
    header = "seed,step,loss,train_error,test_error,validation_error\n"
    rows = [f"{seed},10,1,90,100,1\n{seed},40,0.7,{train},5,2\n" for seed, train in ((1, 49), (2, 50), (3, 51))]
    path.with_name("history.csv").write_text(header + "".join(rows))

    def good(weight, reading):
        return world.term(weight, "good", [1, 2, 3]).model_copy(update={"reading": reading})

    columns = [[good(-1, "last"), good(1, "best")]]
    record = world.judge(Contrast(kind="better", a="last", b="best", margin=2, columns=columns))
    assert (record["verdict"], record["estimate"]["effect"]) == ("holds", 95)
    record = world.judge(Contrast(kind="fails", a="good", margin=2, columns=[[good(1, "training")]]))
    assert record["verdict"] == "holds" and record["estimate"]["effect"] == pytest.approx(10)
    assert record["comparisons"][0]["resampled"] is None


def test_the_gain_of_the_paper_over_a_quoted_system(world):
    published = world.folder / "published.csv"
    published.write_text(
        "artefact,row,column,value,confidence\ntable8,ULMFiT,IMDb,12.5,seen\ntable8,ITPT,IMDb,10,seen\n"
    )
    (terms,) = world.contrast("good").columns
    column = [runs.model_copy(update={"paper": ("table8", "ITPT", "IMDb")}) for runs in terms]
    key = ("table8", "ULMFiT", "IMDb")
    contrast = Contrast(kind="better", a="ITPT", b="ULMFiT", margin=2, columns=[column], quoted=[key])
    record = world.judge(contrast, published=published)
    assert (record["verdict"], record["estimate"]["effect"]) == ("holds", 7.5)
    (comparison,) = record["comparisons"]
    assert comparison["published"] == 2.5
    low, high = comparison["resampled"]
    assert low < 7.5 < high


# ---------------------------------------------------------------------------------------------- files


def test_each_file_is_read_once_and_others_not_at_all(world, monkeypatch):
    opened = []
    real = predictions.last_errors
    monkeypatch.setattr(predictions, "last_errors", lambda path: opened.append(path.parent.name) or real(path))
    world.judge(world.contrast("good", "bad"), world.contrast("good", "same"))
    assert sorted(opened) == ["bad", "good", "same"]


def test_verdicts_are_the_same_bytes_again(world):
    world.judge(world.contrast("good", "bad"))
    before = (world.folder / "claims.json").read_bytes(), (world.folder / "claims.md").read_bytes()
    world.judge(world.contrast("good", "bad"))
    assert before == ((world.folder / "claims.json").read_bytes(), (world.folder / "claims.md").read_bytes())
