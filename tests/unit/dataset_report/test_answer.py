"""What the report says first."""

from __future__ import annotations

import pytest

from bertfit.dataset_report import dataset_files
from bertfit.dataset_report.answer import answer, useless
from bertfit.search.outcome_record import Constant, Interval
from bertfit.search.search_record import Lead
from helpers import dataset_results


@pytest.fixture
def facts(tmp_path):
    return dataset_files.read(dataset_results.make(tmp_path)[1])


def with_choice(facts, **given):
    return dataset_files.DatasetFacts(facts.choice.model_copy(update=given), *list(vars(facts).values())[1:])


def with_outcome(facts, **given):
    return dataset_files.DatasetFacts(
        facts.choice, facts.outcome.model_copy(update=given), *list(vars(facts).values())[2:]
    )


def lead(facts, candidate: str, low: float) -> list[Lead]:
    """The leads, that on one candidate with this lower end."""
    return [
        each.model_copy(update={"low": low}) if each.candidate == candidate else each for each in facts.choice.leads
    ]


def test_a_network_that_is_ahead_of_word_counts_is_worth_it(facts) -> None:
    assert answer(facts).lead == (
        "A neural network is worth it here: it is ahead of word counts by 3.8 points of error, 95 % interval 1.6 to "
        "6.0, on the validation data."
    )


def test_word_counts_that_may_be_as_good_are_named(facts) -> None:
    found = answer(with_choice(facts, leads=lead(facts, "words", -0.001)))
    assert "may be none" in found.lead and found.lead.endswith("word counts could as well be your choice.")


def test_word_counts_that_won_are_said_first(tmp_path) -> None:
    facts = dataset_files.read(dataset_results.make(tmp_path, winner="words")[1])
    found = answer(facts)
    assert found.headline == "You need no neural network: word counts classify your texts better"
    assert "further pre-training and layer-wise rates, is behind" in found.lead
    equal = with_choice(facts, leads=lead(facts, "further", -0.01))
    assert answer(equal).headline.endswith("word counts classify your texts as well")
    assert "not clearly better or worse" in answer(equal).lead
    alone = with_choice(facts, leads=[each for each in facts.choice.leads if each.candidate == "characters"])
    assert answer(alone).headline == "Best for your texts: word counts" and "No neural network" in answer(alone).lead


def test_squares_show_any_error_and_any_right_answer(facts) -> None:
    shares = {0.0: 0, 0.001: 1, 0.126: 13, 0.999: 99, 1.0: 100}
    for share, squares in shares.items():
        error = Interval(value=share, low=share, high=share)
        assert answer(with_outcome(facts, error=error)).error.wrong == squares


def test_several_seeds_are_said(facts) -> None:
    assert ("measured on", "400 test texts, mean of 3 seeds") in answer(with_outcome(facts, seeds=3)).others


def test_a_classifier_is_useless_if_it_may_be_no_better_than_a_constant_answer(facts) -> None:
    assert not useless(facts)
    assert useless(with_outcome(facts, constant=Constant(name="World", error=0.15)))
