"""Successive halving: which candidates a round trains, within the budget and by measured times."""

from __future__ import annotations

from bertfit.config.study_schema import Candidate, OwnDataset
from bertfit.search import rounds
from bertfit.search.search_record import MeasuredRun, Round, Trained

OWN = OwnDataset.model_validate({
    "corpus": "texts", "validation": "selection", "budget": 1000, "rounds": [1, 2, 4], "keep": [4, 2, 1],
    "candidates": {
        "words": {"title": "word counts", "counts": "words"},
        **{name: {"title": name} for name in ("a", "b", "c")},
        "d": {"title": "d", "pretrained": True},
    },
})  # fmt: skip


def trained(name: str, epochs: float) -> Trained:
    encoder = "tfidf" if name == "words" else "base"
    return Trained(
        candidate=name, title=name, encoder=encoder, recipe="r", epochs=epochs, folder=f"runs/{name}/{epochs:g}"
    )


RUNS = {name: {epochs: trained(name, epochs) for epochs in (1.0, 2.0, 4.0)} for name in "abcd"}
RUNS = {"words": {1.0: trained("words", 1.0)}, **RUNS}


def measured(run: Trained, error: float, seconds: float = 10, **more: float) -> MeasuredRun:
    values = {"macro_f1": 1 - error, "micro_f1": 1 - error, "low": 0, "high": 1, "ended": run.epochs}
    known = {"seconds": seconds, "pretraining_seconds": 0, "round": 1, "error": error} | values | more
    return MeasuredRun.model_validate(run.model_dump() | known)


def first(**left_out: str) -> Round:
    return rounds.first(OWN, RUNS, "error", left_out)


def test_the_first_round_trains_everybody_for_the_fewest_epochs() -> None:
    plan = first(c="not needed")
    assert [(run.candidate, run.epochs) for run in plan.runs] == [("words", 1), ("a", 1), ("b", 1), ("d", 1)]
    assert plan.left_out == {"c": "not needed"} and plan.number == 1


def test_the_best_encoders_go_on() -> None:
    errors = {"words": 0.01, "a": 0.3, "b": 0.1, "c": 0.2, "d": 0.4}
    before = first()
    done = [measured(run, errors[run.candidate]) for run in before.runs]
    plan = rounds.following(OWN, RUNS, before, done)
    assert [(run.candidate, run.epochs) for run in plan.runs] == [("b", 2), ("c", 2)], "word counts are trained once"
    assert plan.left_out == {name: "not among the best 2 after 1 epoch" for name in "ad"}
    assert plan.seconds == before.seconds + 5 * (10 + rounds.START)
    third = rounds.following(OWN, RUNS, plan, [measured(run, errors[run.candidate]) for run in plan.runs])
    assert [(run.candidate, run.epochs) for run in third.runs] == [("b", 4)]
    assert [run.candidate for run in third.measured] == ["words", "a", "b", "c", "d", "b", "c"]


def test_macro_f1_ranks_where_classes_are_uneven() -> None:
    before = first().model_copy(update={"metric": "macro_f1"})
    scores = {"a": 0.9, "b": 0.2, "c": 0.3, "d": 0.8, "words": 0}
    done = [measured(run, 0.5, macro_f1=scores[run.candidate]) for run in before.runs]
    assert [run.candidate for run in rounds.following(OWN, RUNS, before, done).runs] == ["a", "d"]


def test_measured_times_decide_how_many_fit() -> None:
    """After 5 trainings of 100 s, 415 s are left: one of 2 epochs takes 208 s, and the last training 278."""
    before = first()
    done = [measured(run, 0.1 + place / 100, seconds=100) for place, run in enumerate(before.runs)]
    plan = rounds.following(OWN, RUNS, before, done)
    assert plan.runs == [] and set(plan.left_out.values()) == {
        "no time left for 2 epochs", "not among the best 2 after 1 epoch"
    }  # fmt: skip
    quick = [measured(run, 0.1 + place / 100, seconds=85) for place, run in enumerate(before.runs)]
    assert [run.candidate for run in rounds.following(OWN, RUNS, before, quick).runs] == ["a"]


def test_pretraining_is_paid_once() -> None:
    before = first()
    done = [measured(run, 0.1, pretraining_seconds=50 if run.candidate == "d" else 0) for run in before.runs]
    second = rounds.following(OWN, RUNS, before, done)
    assert second.seconds == before.seconds + 5 * (10 + rounds.START) + 50
    again = [measured(run, 0.1, pretraining_seconds=50) for run in second.runs]
    assert rounds.following(OWN, RUNS, second, again).seconds == second.seconds + 2 * (10 + rounds.START)


def test_a_training_that_stopped_early_is_not_trained_longer() -> None:
    before = first()
    done = [measured(run, 0.1, ended=0.5 if run.candidate == "a" else 1) for run in before.runs]
    plan = rounds.following(OWN, RUNS, before, done)
    assert plan.left_out["a"] == "stopped after 0.5 epochs without getting better"


def test_a_training_that_diverged_is_not_trained_longer() -> None:
    before = first()
    done = [
        measured(run, 0.1, ended=0.5, diverged_at=7) if run.candidate == "a" else measured(run, 0.2)
        for run in before.runs
    ]
    plan = rounds.following(OWN, RUNS, before, done)
    assert plan.left_out["a"] == "its training diverged at step 7"
    assert [run.candidate for run in plan.runs] == ["b", "c"], "it takes no place of the others, whatever its score"


def test_candidates_for_uneven_classes_take_no_place_of_the_others() -> None:
    uneven = OWN.candidates | {"b": Candidate(title="b", uneven=True)}
    own = OWN.model_copy(update={"candidates": uneven, "keep": [3]})
    assert [run.candidate for run in rounds.first(own, RUNS, "macro_f1", {}).runs] == list(RUNS)
    short = rounds.first(own.model_copy(update={"keep": [2]}), RUNS, "macro_f1", {})
    assert [run.candidate for run in short.runs] == ["words", "a", "b"]


def test_candidates_without_time_are_left_out_from_the_first() -> None:
    own = OWN.model_copy(update={"keep": [2]})
    plan = rounds.first(own, RUNS, "error", {})
    assert [run.candidate for run in plan.runs] == ["words", "a", "b"]
    assert plan.left_out == dict.fromkeys("cd", "no time for it within the budget")
