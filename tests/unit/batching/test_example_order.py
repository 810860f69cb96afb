from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertfit.batching import example_order
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError


def test_order_is_pure_and_covers_each_epoch():
    plan = example_order.ExamplePlan(np.arange(100, 110), batch_size=4, epochs=2, seed=7)
    assert (plan.steps_per_epoch, plan.steps, plan.schedule) == (3, 6, 5)
    backwards = [plan.examples(step).tolist() for step in reversed(range(6))][::-1]
    example_order.permutation.cache_clear()
    forwards = [plan.examples(step).tolist() for step in range(6)]
    assert forwards == backwards
    for epoch in (0, 1):
        mine = forwards[3 * epoch : 3 * epoch + 3]
        assert [len(batch) for batch in mine] == [4, 4, 2]
        assert sorted(sum(mine, [])) == list(range(100, 110))
    assert forwards[:3] != forwards[3:]
    other = example_order.ExamplePlan(np.arange(100, 110), batch_size=4, epochs=2, seed=8)
    assert other.examples(0).tolist() != forwards[0]
    # golden: numpy's Philox keyed (seed, epoch) is part of the contract
    expected = np.random.Generator(np.random.Philox(key=[7, 1])).permutation(10) + 100
    assert sum(forwards[3:], []) == expected.tolist()


@pytest.mark.parametrize(
    ("examples", "batch", "epochs", "limit", "steps", "schedule"),
    [
        (25_000, 24, 4, None, 4168, 4166),  # IMDb in the official code
        (5_452, 24, 4, None, 912, 908),
        (100, 24, 4, None, 20, 16),
        (10, 24, 1, None, 1, 1),  # the official code would divide by zero
        (48, 24, 2.5, None, 5, 5),
        (48, 24, 4, 7, 7, 7),
    ],
)
def test_steps_and_schedule(examples, batch, epochs, limit, steps, schedule):
    plan = example_order.ExamplePlan(np.arange(examples), batch, epochs, 1, limit)
    assert (plan.steps, plan.schedule) == (steps, schedule)


@pytest.mark.parametrize(
    ("examples", "limit", "minimum", "steps", "schedule"),
    [
        (100, None, 200, 200, 200),
        (100, None, 18, 20, 18),
        (100, None, 10, 20, 16),
        (100, 7, 9, 9, 9),
        (100, 9, 7, 9, 9),
    ],
)
def test_minimum_of_steps(examples, limit, minimum, steps, schedule):
    plan = example_order.ExamplePlan(np.arange(examples), 24, 4, 1, limit, minimum)
    assert (plan.steps, plan.schedule, plan.steps_per_epoch) == (steps, schedule, 5)
    covered = np.concatenate([plan.examples(step) for step in range(plan.steps - plan.steps % 5)])
    assert np.bincount(covered).tolist() == [plan.steps // 5] * examples  # each epoch covers all rows
    assert (
        example_order.plan(np.zeros(100, int), Finetune(steps=limit, minimum_steps=minimum), 1)[0].steps == plan.steps
    )


labels_lists = st.lists(st.integers(0, 4), min_size=1, max_size=200)


@given(labels_lists, st.integers(0, 99))
@settings(deadline=None)
def test_every_prefix_is_stratified(labels, seed):
    labels = np.array(labels)
    order = example_order.stratified(labels, seed, example_order.SUBSET)
    assert sorted(order) == list(range(len(labels)))
    for cut in range(1, len(labels) + 1):
        for label in np.unique(labels):
            expected = cut * (labels == label).mean()
            assert abs((labels[order[:cut]] == label).sum() - expected) < 2


def test_small_shares_are_nested_balanced_and_seeded():
    labels = np.arange(200) % 2
    few, more = (example_order.plan(labels, Finetune(fraction=share), 3)[0].rows for share in (0.1, 0.3))
    assert len(few) == 20 and len(more) == 60 and set(few) < set(more)
    assert labels[few].mean() == 0.5 and labels[more].mean() == 0.5
    assert few.tolist() == sorted(few) and set(few) != set(
        example_order.plan(labels, Finetune(fraction=0.1), 4)[0].rows
    )


balanced = st.tuples(st.integers(2, 6), st.integers(2, 30), st.integers(0, 99), st.integers(0, 2**32))


@given(balanced, st.data())
@settings(deadline=None)
def test_few_examples_are_nested_balanced_and_seeded(corpus, data):
    classes, each, seed, shuffle = corpus
    labels = np.random.default_rng(shuffle).permutation(np.arange(classes * each) % classes)
    few = data.draw(st.integers(classes, len(labels)))
    more = data.draw(st.integers(few, len(labels)))

    def rows(**size) -> np.ndarray:
        return example_order.plan(labels, Finetune(**size), seed)[0].rows

    small, large = rows(examples=few), rows(examples=more)
    assert len(small) == few and len(large) == more and set(small) <= set(large)
    for chosen in (small, large):
        counts = np.bincount(labels[chosen], minlength=classes)
        assert counts.max() - counts.min() <= 1
        assert chosen.tolist() == sorted(chosen)
    assert rows(examples=few).tolist() == small.tolist()
    assert rows(fraction=more / len(labels)).tolist() == large.tolist()  # one order for both


unbalanced = st.lists(st.integers(0, 4), min_size=5, max_size=80).map(lambda rest: np.array([*range(5), *rest]))


@given(unbalanced, st.integers(0, 99), st.data())
@settings(deadline=None)
def test_as_many_examples_as_classes_hold_every_class(labels, seed, data):
    few = data.draw(st.integers(5, len(labels)))
    more = data.draw(st.integers(few, len(labels)))
    small, large = (example_order.plan(labels, Finetune(examples=size), seed)[0].rows for size in (few, more))
    assert (len(small), len(large)) == (few, more) and set(small) <= set(large)
    counts = np.bincount(labels[small], minlength=5)
    assert counts.min() >= 1
    # beside the one that each class has for sure, they are a prefix of the stratified order
    order = example_order.stratified(labels, seed, example_order.SUBSET)
    firsts = {int(order[labels[order] == label][0]) for label in range(5)}
    rest = [row for row in order.tolist() if row not in firsts]
    assert set(small.tolist()) == firsts | set(rest[: few - 5])
    with pytest.raises(UserError, match=r"examples=4 keeps 4 .* each of the 5 classes; 5 are needed"):
        example_order.plan(labels, Finetune(examples=4), seed)


def test_a_rare_class_moves_up_by_hand():
    labels = np.array([0] * 97 + [1] * 2 + [2])  # in proportion, ten examples would be of class 0 alone
    rows = example_order.plan(labels, Finetune(examples=10), 3)[0].rows
    assert np.bincount(labels[rows]).tolist() == [8, 1, 1]
    assert np.bincount(labels[example_order.plan(labels, Finetune(examples=3), 3)[0].rows]).tolist() == [1, 1, 1]
    assert len(example_order.plan(labels, Finetune(), 3)[0].rows) == 100


@given(unbalanced, st.integers(0, 99), st.data())
@settings(deadline=None)
def test_validation_takes_no_class_away(labels, seed, data):
    size = data.draw(st.integers(10, len(labels)) if len(labels) > 10 else st.just(10))
    share = data.draw(st.sampled_from([0.1, 0.2, 0.5]))
    wanted = round(share * size)
    plan, held_out = example_order.plan(labels, Finetune(examples=size, validation=share), seed)
    kept = example_order.plan(labels, Finetune(examples=size), seed)[0].rows
    assert len(held_out) == wanted and sorted([*plan.rows, *held_out]) == kept.tolist()
    assert set(labels[plan.rows]) == set(range(5))
    again = example_order.plan(labels, Finetune(examples=size, validation=share), seed)[1]
    assert held_out.tolist() == again.tolist() == sorted(held_out)


def test_validation_of_balanced_classes_is_as_ever():
    """The stratified order of all rows, cut: golden for what is published with `validation`."""
    labels = np.arange(60) % 3
    order = example_order.stratified(labels, 7, example_order.SUBSET)
    expected = order[example_order.stratified(labels[order], 7, example_order.VALIDATION)[:12]]
    assert example_order.plan(labels, Finetune(validation=0.2), 7)[1].tolist() == sorted(expected)


def test_validation_that_leaves_a_class_nothing_is_an_error():
    with pytest.raises(
        UserError,
        match=r"validation=0.9 leave 3 to train on and 7 to validate on \(each class keeps one",
    ):
        example_order.plan(np.array([0] * 5 + [1] * 4 + [2]), Finetune(validation=0.9), 1)


def test_sizes_that_cannot_be_are_named():
    labels = np.arange(60) % 6
    with pytest.raises(UserError, match=r"examples=61, but the training set has 60; ask for no more"):
        example_order.plan(labels, Finetune(examples=61), 1)
    with pytest.raises(UserError, match=r"examples=5 keeps 5 .* each of the 6 classes; 6 are needed"):
        example_order.plan(labels, Finetune(examples=5), 1)
    with pytest.raises(UserError, match=r"fraction=0.05 keeps 3 training examples.*; 6 are needed"):
        example_order.plan(labels, Finetune(fraction=0.05), 1)
    with pytest.raises(
        UserError, match=r"examples=6 and validation=0.01 leave 6 to train on and 0 to .*raise examples"
    ):
        example_order.plan(labels, Finetune(examples=6, validation=0.01), 1)
    assert len(example_order.plan(labels, Finetune(examples=60, fraction=0.5), 1)[0].rows) == 60  # instead of fraction


def test_validation_is_held_out_of_what_is_kept():
    labels = np.arange(200) % 2
    plan, held_out = example_order.plan(labels, Finetune(fraction=0.5, validation=0.2), 3)
    assert len(plan.rows) == 80 and len(held_out) == 20 and not set(plan.rows) & set(held_out)
    assert labels[held_out].mean() == 0.5
    whole, none = example_order.plan(labels, Finetune(), 3)
    assert whole.rows.tolist() == list(range(200)) and not len(none)


@pytest.mark.parametrize("recipe", [Finetune(fraction=0.001), Finetune(validation=1.0), Finetune(validation=0.001)])
def test_nothing_left_is_an_error(recipe):
    with pytest.raises(UserError, match=r"fraction=.*validation=.*leave"):
        example_order.plan(np.zeros(100, int), recipe, 1)


def test_stream_wraps_around_without_dropping():
    found = np.concatenate([example_order.stream(7, 3, 5, step) for step in range(14)])
    for number in range(6):
        assert sorted(found[7 * number : 7 * number + 7]) == list(range(7))
    assert example_order.stream(7, 3, 5, 2).tolist() == found[6:9].tolist()
    assert found[:7].tolist() != found[7:14].tolist()


@given(unbalanced, st.integers(1, 99), st.sampled_from([None, 2, 3, 5, 9]), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
@settings(deadline=None)
def test_whether_a_plan_fails_does_not_depend_on_the_seed(labels, seed, examples, validation):
    """A block of seeds checks its recipe with the first seed alone."""

    def message(number: int) -> str:
        try:
            example_order.plan(np.array(labels), Finetune(examples=examples, validation=validation), number)
        except UserError as error:
            return str(error)
        return ""

    assert message(seed) == message(0)
