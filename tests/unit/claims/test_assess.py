"""Effect of one comparison: by hand from errors, and on made-up predictions whose outcome is known beforehand."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, t, ttest_1samp

from bertfit.claims.assess import assess
from bertfit.claims.claim_schema import Contrast, Runs
from bertfit.core.errors import UserError
from bertfit.evaluation.predictions import Outcome
from bertfit.statistics.paired_tests import at_common_error, difference
from helpers.claim_data import make


@pytest.fixture
def world(tmp_path):
    return make(tmp_path)


def test_predictions_that_do_not_serve(world):
    with pytest.raises(UserError, match="no predictions of imdb/mini/good with seed \\[4\\]"):
        world.judge(world.contrast("good", "bad", seeds=[1, 4]))
    with pytest.raises(UserError, match="no predictions of imdb/mini/none with seed \\[1, 2, 3\\]"):
        world.judge(world.contrast("good", "none"))
    world.train("bad", [range(5)] * 3, labels=np.arange(300) % 2)
    with pytest.raises(UserError, match="runs on imdb have different test examples"):
        world.judge(world.contrast("good", "bad"))
    _, path = world.runs["imdb", "mini", "bad"]
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(UserError, match="bad/predictions.parquet: cannot be read"):
        world.judge(world.contrast("good", "bad"))


def test_training_that_fails(world):
    record = world.judge(world.contrast("chance", kind="fails"))
    assert (record["verdict"], record["estimate"]["effect"]) == ("holds", 10)  # 50 % wrong, 80 % of chance are 40 %
    record = world.judge(world.contrast("good", kind="fails"))
    assert (record["verdict"], record["estimate"]["effect"]) == ("does not hold", -35)
    assert record["wording"] == "does not hold (the opposite is seen)"
    world.train("half", [range(160), range(1, 161), range(2, 162)])
    record = world.judge(world.contrast("half", kind="fails"))
    assert (record["verdict"], record["estimate"]["effect"]) == ("inconclusive", 0)


def test_a_larger_gain(world):
    # 25 - 5 points with few examples, 0 with all
    record = world.judge(world.contrast("good", "bad", "good", "same", kind="larger gain"))
    assert (record["verdict"], record["estimate"]["effect"]) == ("holds", 20)
    record = world.judge(world.contrast("good", "same", "good", "bad", kind="larger gain"))
    assert (record["verdict"], record["estimate"]["effect"]) == ("does not hold", -20)


def test_failing_more_often(world):
    world.train("steady", [range(40 + n % 3) for n in range(10)])
    world.train("shaky", [*[range(200)] * 6, *[range(40)] * 4])  # six at chance
    seeds = list(range(1, 11))

    def contrast(often, seldom):
        columns = [[world.term(1, often, seeds)], [world.term(-1, seldom, seeds)]]
        return Contrast(kind="fails more often", a=often, b=seldom, margin=2, columns=columns)

    record = world.judge(contrast("shaky", "steady"))
    assert (record["verdict"], record["estimate"]["effect"], record["estimate"]["examples"]) == ("holds", 60, 20)
    assert record["p"] == pytest.approx(fisher_exact([[6, 4], [0, 10]]).pvalue, rel=1e-5)
    assert record["notes"] == ["failed runs: 6 of 10 of shaky, 0 of 10 of steady"]
    assert "| +60.00 % of runs |" in (world.folder / "claims.md").read_text()
    assert world.judge(contrast("steady", "shaky"))["wording"] == "does not hold (the opposite is seen)"
    assert world.judge(contrast("steady", "steady"))["verdict"] == "inconclusive"


def test_the_side_with_more_failed_runs_is_not_called_better(world):
    """Two of twenty runs failed; the others are so much better that the mean of all is lower, too."""
    seeds = list(range(1, 21))
    world.train("unstable", [*[range(200)] * 2, *[range(4 + n) for n in range(18)]])
    world.train("stable", [range(140 + n % 3) for n in range(20)])
    record = world.judge(world.contrast("unstable", "stable", seeds=seeds))
    assert record["estimate"]["low"] > 0 and record["verdict"] == "inconclusive"
    note = "failed runs: 2 of 20 of unstable, 0 of 20 of stable; the side with the larger share is not called better"
    assert record["notes"] == [note]
    # nor as the opposite of a claim
    assert world.judge(world.contrast("stable", "unstable", seeds=seeds))["verdict"] == "inconclusive"
    # the side with fewer of them may be better
    world.train("good", [range(4 + n % 3) for n in range(20)])
    world.train("often", [*[range(200)] * 10, *[range(4 + n) for n in range(10)]])
    record = world.judge(world.contrast("good", "often", seeds=seeds))
    assert (record["verdict"], record["comparisons"][0]["failed"][1]["failed"]) == ("holds", 10)


def test_shares_of_failed_runs_count_where_one_side_is_deterministic(world):
    """The one run of the baseline is at chance, and two of ten of the other side."""
    seeds = list(range(1, 11))
    world.train("some", [*[range(200)] * 2, *[range(4 + n) for n in range(8)]])
    world.train("baseline", [range(200)])
    columns = [[world.term(-1, "some", seeds), world.term(1, "baseline", [1], constant=True)]]
    record = world.judge(Contrast(kind="better", a="some", b="baseline", margin=2.0, columns=columns))
    note = "failed runs: 2 of 10 of some, 1 of 1 of baseline; the side with the larger share is not called better"
    assert (record["verdict"], record["notes"]) == ("holds", [note])


def test_one_test_example_is_a_reason(world):
    for name in ("x", "y"):
        world.train(name, [range(1)] * 3, labels=np.zeros(1, int))
    record = world.judge(world.contrast("x", "y"))
    assert (record["verdict"], record["notes"]) == ("not available", ["imdb: fewer than two test examples"])


def test_clusters_of_examples(world):
    """Fifty examples are wrong in the one alone and all of one cluster: as one of them."""
    world.train("one", [range(50)] * 3)
    world.train("other", [range(0)] * 3)
    contrast = world.contrast("other", "one")
    assert world.judge(contrast)["verdict"] == "holds"
    numbers = np.r_[np.zeros(50, int), np.arange(1, 351)]
    record = world.judge(contrast, clusters=numbers)
    assert (record["verdict"], record["estimate"]["effect"]) == ("inconclusive", 12.5)
    assert record["comparisons"][0]["needed_examples"] > 400
    with pytest.raises(UserError, match="corpus imdb: clusters of 300 test examples, predictions of 400"):
        world.judge(contrast, clusters=numbers[:300])


def test_the_variance_between_seeds_is_raised_to_the_common_error():
    """The finding's interval is that of `difference` with the factor of `at_common_error`."""
    draw = np.random.default_rng(2)
    sides = [draw.random((3, 400)) < np.array(shares)[:, None] for shares in ((0.02, 0.05, 0.1), (0.2, 0.2, 0.21))]
    outcomes = outcomes_of([0, 1] * 200, a=sides[0], b=sides[1])
    contrast = Contrast(kind="better", a="a", b="b", margin=2, columns=[[runs_of("a", -1), runs_of("b", 1)]])
    contrast = contrast.model_copy(
        update={"columns": [[runs.model_copy(update={"seeds": [1, 2, 3]}) for runs in contrast.columns[0]]]}
    )
    factor = float(at_common_error(sides[0].mean(1), sides[1].mean(1), 400))
    assert factor > 1.5
    expected = difference(sides[1].astype(float) - sides[0], inflation=factor)
    assert assess(contrast, outcomes).effect.error == pytest.approx(expected.error)


def test_what_has_no_seeds_stands_beside_every_seed(world):
    world.train("counts", [range(200)])
    terms = [world.term(-1, "good", [1, 2, 3]), world.term(1, "counts", [1], constant=True)]
    contrast = Contrast(kind="better", a="good", b="counts", margin=2, columns=[terms])
    record = world.judge(contrast)
    assert (record["verdict"], record["estimate"]["effect"], record["estimate"]["seeds"]) == ("holds", 45, 3)


def test_only_common_seeds_are_compared(world):
    terms = [world.term(-1, "good", [1, 2]), world.term(1, "bad", [2, 3])]
    contrast = Contrast(kind="better", a="good", b="bad", margin=2, columns=[terms])
    assert world.judge(contrast)["estimate"]["seeds"] == 1
    apart = [world.term(-1, "good", [1]), world.term(1, "bad", [3])]
    record = world.judge(contrast.model_copy(update={"columns": [apart]}))
    assert (record["verdict"], record["notes"]) == ("not available", ["imdb: its runs have no seed in common"])


def runs_of(name, weight, seeds=(1, 2), reading="last"):
    return Runs(weight=weight, corpus="c", encoder="e", recipe=name, seeds=list(seeds), reading=reading)


def outcomes_of(labels, **wrong):
    """Outcomes of runs, from the errors of seeds 1, 2, ... of each."""
    errors = {name: dict(enumerate(np.array(each, bool), 1)) for name, each in wrong.items()}
    return {("c", "e", name, "last"): Outcome(np.array(labels, np.int32), each) for name, each in errors.items()}


def test_an_effect_by_hand():
    """Of eight answers, a is wrong in one and b in three: 2/8 fewer errors."""
    outcomes = outcomes_of([0, 1, 0, 1], a=[[1, 0, 0, 0], [0, 0, 0, 0]], b=[[1, 1, 0, 0], [1, 0, 0, 0]])
    columns = [[runs_of("a", -1), runs_of("b", 1)]]
    finding = assess(Contrast(kind="better", a="a", b="b", margin=2, columns=columns), outcomes)
    assert (finding.effect.value, finding.effect.seeds, finding.effect.examples) == (0.25, 2, 4)
    assert [(name, effect.value) for name, effect in finding.columns] == [("c", 0.25)] and finding.reason == ""
    assert finding.support == finding.effect.p() and finding.against == finding.effect.below(0.02)


def test_chance_is_the_most_frequent_class_by_hand():
    """Always class 0 errs on one example of four; of that, 80 % is 0.2, and the runs err on three of eight."""
    outcomes = outcomes_of([0, 0, 0, 1], a=[[1, 1, 0, 0], [0, 0, 0, 1]])
    contrast = Contrast(kind="fails", a="a", b="", margin=2, columns=[[runs_of("a", 1)]])
    assert assess(contrast, outcomes).effect.value == pytest.approx(3 / 8 - 0.2)


def test_an_effect_below_zero_does_not_support_the_claim():
    outcomes = outcomes_of([0, 1, 0, 1], a=[[1, 1, 0, 0], [1, 0, 0, 0]], b=[[1, 0, 0, 0], [0, 0, 0, 0]])
    columns = [[runs_of("a", -1), runs_of("b", 1)]]
    finding = assess(Contrast(kind="better", a="a", b="b", margin=2, columns=columns), outcomes)
    assert (finding.effect.value, finding.support) == (-0.25, 1)
    equal = assess(Contrast(kind="equal", a="a", b="b", margin=2, columns=columns), outcomes)
    assert (equal.support, equal.against) == (equal.effect.within(0.02), equal.effect.outside(0.02))


def test_a_comparison_without_runs_keeps_its_reason():
    finding = assess(Contrast(kind="better", a="a", b="b", margin=2, reason="no files"), {})
    assert (finding.effect, finding.reason, finding.support, finding.against) == (None, "no files", 1, 1)


def test_a_gain_over_a_published_error_by_hand():
    """One of four answers of each seed is wrong; the published error is 50 %, of four texts, too."""
    outcomes = outcomes_of([0, 1, 0, 1], a=[[1, 0, 0, 0], [1, 0, 0, 0]])
    key = ("table8", "ULMFiT", "IMDb")
    contrast = Contrast(kind="better", a="a", b="ULMFiT", margin=2, columns=[[runs_of("a", -1)]], quoted=[key])
    finding = assess(contrast, outcomes, paper={key: "50.00"})
    ours = difference(-np.array([[1, 0, 0, 0], [1, 0, 0, 0]]))
    assert finding.effect.value == pytest.approx(0.25)
    assert finding.effect.error == pytest.approx((ours.error**2 + 0.5 * 0.5 / 4) ** 0.5)
    df = (ours.error**2 + 1 / 16) ** 2 / (ours.error**4 / ours.df + (1 / 16) ** 2 / 3)  # Satterthwaite
    assert finding.effect.p() == pytest.approx(2 * t.sf(0.25 / finding.effect.error, df))
    assert ours.df < df < 4
    assert assess(contrast, outcomes, paper={}).reason == "no published error of ULMFiT, IMDb"


def test_one_seed_beside_a_published_error_is_not_tested_with_mcnemars():
    """Its p is of the gain, and not of the errors that the seed makes."""
    key = ("table8", "ULMFiT", "IMDb")
    outcomes = outcomes_of([0, 1] * 200, a=[[1] * 40 + [0] * 360])
    columns = [[runs_of("a", -1, seeds=[1])]]
    contrast = Contrast(kind="better", a="a", b="ULMFiT", margin=2, columns=columns, quoted=[key])
    finding = assess(contrast, outcomes, paper={key: "10.00"})
    assert finding.effect.value == pytest.approx(0, abs=1e-12) and finding.effect.p() == pytest.approx(1)


def trained(*errors):
    """The outcome of seeds with these training errors, two of four examples in the less frequent class."""
    wrong = {seed: np.zeros(4, bool) for seed in range(1, len(errors) + 1)}
    outcome = Outcome(np.array([0, 1, 0, 1], np.int32), wrong, dict(enumerate(errors, 1)))
    return {("c", "e", "a", "training"): outcome}


def test_training_errors_by_hand():
    """Chance is 0.5, 80 % of it 0.4; over seeds alone the mean excess is 0.1."""
    columns = [[runs_of("a", 1, seeds=[1, 2, 3], reading="training")]]
    contrast = Contrast(kind="fails", a="a", margin=2, columns=columns)
    finding = assess(contrast, trained(0.49, 0.50, 0.51))
    assert finding.effect.value == pytest.approx(0.1) and finding.effect.seeds == 3
    assert finding.support == pytest.approx(ttest_1samp([0.09, 0.10, 0.11], 0).pvalue)
    assert assess(contrast, trained(0.19, 0.20, 0.21)).against < 0.05
    one = contrast.model_copy(update={"columns": [[runs_of("a", 1, seeds=[1], reading="training")]]})
    finding = assess(one, trained(0.5))
    assert (finding.effect, finding.reason) == (None, "c: one seed, and training errors need two")
