"""Each warning, when it is given and what it says to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertfit.dataset_report import dataset_files
from bertfit.dataset_report.report_warnings import ReportWarning, warnings
from bertfit.search.outcome_record import Constant
from helpers import dataset_results


@pytest.fixture
def facts(tmp_path):
    return dataset_files.read(dataset_results.make(tmp_path)[1])


def problems(facts) -> list[str]:
    return [each.problem for each in warnings(facts)]


def outcome(facts, **given):
    return replace(facts, outcome=facts.outcome.model_copy(update=given))


def test_nothing_is_said_where_there_is_nothing(facts) -> None:
    assert warnings(facts) == []


def test_a_test_split_that_says_little(facts) -> None:
    (one,) = problems(outcome(facts, one_class=True))
    assert one.startswith("All test texts have the same class")
    (few,) = problems(outcome(facts, texts=49))
    assert few == "Only 49 texts to test on: the error is known roughly at best."
    (useless,) = problems(outcome(facts, constant=Constant(name="World", error=0.1)))
    assert useless == "The classifier may be no better than always answering 'World'."


def test_classes_that_are_never_answered_or_not_tested(facts) -> None:
    (never,) = problems(outcome(facts, never=["Sports", "World"]))
    assert never == "Never answered, although test texts have them: Sports and World."
    labels = [facts.outcome.labels[0].model_copy(update={"texts": 0}), *facts.outcome.labels[1:]]
    (untested,) = problems(outcome(facts, labels=labels))
    assert untested == "No test text has World: nothing is known of how well it is recognised."


def test_an_encoder_that_hardly_knows_the_texts(facts) -> None:
    coverage = dataset_results.coverage(warnings=["62.5 % of the word pieces are [UNK]. Take another. Or this."])
    assert warnings(replace(facts, coverage=coverage)) == [
        ReportWarning("62.5 % of the word pieces are [UNK].", "Take another. Or this.")
    ]


def test_faults_of_the_texts_from_two_percent_on(facts) -> None:
    def card(clusters=None, **given):
        changed = facts.card.clusters.model_copy(update=clusters or {})
        return replace(facts, card=facts.card.model_copy(update={"clusters": changed, **given}))

    assert problems(card(test_texts_in_train=7)) == []
    (copies,) = warnings(card(test_texts_in_train=8))
    assert (
        copies.problem.startswith("8 (2.0 %) of the test texts are in the training texts") and "GROUP=" in copies.cure
    )
    assert problems(card({"near_duplicates_in_train": 9}, test_texts_in_train=8))[0].startswith("9 (2.2 %)")
    (conflict,) = problems(card(texts_of_several_labels=40))
    assert conflict.startswith("40 texts occur with different labels")
    (groups,) = problems(card({"group": "author", "texts_of_train_groups": 200}))
    assert groups.startswith("200 (50.0 %) of the test texts have a value of 'author'")


def test_a_budget_that_ran_out(facts) -> None:
    for reason in ("no time left for 4 epochs", "no time for it within the budget"):
        (found,) = warnings(replace(facts, choice=facts.choice.model_copy(update={"left_out": {"plain": reason}})))
        assert found.problem.startswith("The budget of 15 minutes ended") and "BUDGET=30m" in found.cure
