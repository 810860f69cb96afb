"""Which corpus, and which of its rows, makes up the batch of a step of multi-task fine-tuning."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.batching import example_order, multitask_sampling
from bertfit.batching.multitask_sampling import Mixture
from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.core.errors import UserError


def group(*names: str, **given) -> Multitask:
    return Multitask.model_validate({"corpora": names, "seed": 3, "order": "epochs"} | given)


def mixture(sizes: list[int], batch_size: int = 8, **given) -> Mixture:
    rows = {str(number): np.arange(size) + 1000 * number for number, size in enumerate(sizes)}
    return Mixture(rows, group(*rows, **given), Finetune(batch_size=batch_size, epochs=3))


@pytest.mark.parametrize(
    ("given_", "counts"),
    [
        ({}, [100, 3, 25]),  # ceil of 800, 21, 200 over 8: 128 batches
        ({"order": "official"}, [100, 2, 25]),
        ({"sampling": "equal"}, [43, 43, 42]),
        # roots 28.284, 4.583, 14.142 of a sum of 47.009, times 128: 77.01, 12.48, 38.51
        ({"sampling": "temperature", "temperature": 2}, [77, 12, 39]),
        ({"sampling": "temperature", "temperature": 1}, [100, 3, 25]),  # 800, 21, 200 of 1021: 100.29, 2.63, 25.07
        ({"sampling": "temperature", "temperature": 1e9}, [43, 42, 43]),
        ({"sampling": "equal", "order": "official"}, [43, 42, 42]),
    ],
)
def test_batches_of_each_corpus(given_, counts):
    assert mixture([800, 21, 200], **given_).counts == counts


SIZES_DRAWN = st.lists(st.integers(1, 300), min_size=1, max_size=5)


@given(SIZES_DRAWN, st.integers(1, 30), st.integers(0, 2**31 - 1))
def test_an_epoch_covers_every_corpus_once(sizes, batch_size, seed):
    mix = mixture(sizes, batch_size, seed=seed)
    for epoch in range(2):
        steps = range(epoch * mix.steps_per_epoch, (epoch + 1) * mix.steps_per_epoch)
        found = [mix.examples(step) for step in steps]
        assert all(set(rows // 1000) == {corpus} and len(rows) <= batch_size for corpus, rows in found)
        rows = np.concatenate([rows for _, rows in found])
        assert sorted(rows) == [1000 * number + row for number, size in enumerate(sizes) for row in range(size)]


@given(SIZES_DRAWN, st.integers(1, 30), st.sampled_from(["equal", "temperature"]), st.floats(0.5, 50))
def test_shares_are_right_to_within_a_batch(sizes, batch_size, how, temperature):
    declared = group("x", sampling=how, temperature=temperature)
    found = multitask_sampling.counts(sizes, declared, batch_size)
    power = 0 if how == "equal" else 1 / temperature
    total = sum(size**power for size in sizes)
    assert sum(found) == sum(math.ceil(size / batch_size) for size in sizes)
    for count, size in zip(found, sizes, strict=True):
        assert abs(count - sum(found) * size**power / total) < 1 + 1e-6


@given(SIZES_DRAWN, st.integers(1, 30), st.integers(0, 99))
def test_other_samplings_go_through_successive_passes(sizes, batch_size, seed):
    """The batches of a corpus, one after the other, are those of single-task fine-tuning."""
    try:
        mix = mixture(sizes, batch_size, sampling="equal", seed=seed)
    except UserError:
        assert sum(math.ceil(size / batch_size) for size in sizes) < len(sizes)
        return
    plans = [example_order.ExamplePlan(rows, batch_size, 1, seed) for rows in mix.rows]
    seen: Counter[int] = Counter()
    for step in range(2 * mix.steps_per_epoch):
        corpus, rows = mix.examples(step)
        assert rows.tolist() == plans[corpus].examples(seen[corpus]).tolist()
        seen[corpus] += 1
    assert [seen[number] for number in range(len(sizes))] == [2 * count for count in mix.counts]


@pytest.mark.parametrize("order", ["epochs", "official"])
def test_a_batch_is_a_function_of_seed_and_step(order):
    forwards, backwards = (mixture([100, 30, 50], order=order) for _ in range(2))
    expected = [forwards.examples(step) for step in range(60)]
    for step in reversed(range(60)):
        corpus, rows = backwards.examples(step)
        assert corpus == expected[step][0] and rows.tolist() == expected[step][1].tolist()
    other = mixture([100, 30, 50], order=order, seed=4)
    assert [corpus for corpus, _ in expected] != [other.examples(step)[0] for step in range(60)]


def test_corpora_are_mixed_and_each_epoch_is_in_another_order():
    mix = mixture([400, 400])
    first, second = ([mix.examples(100 * epoch + step)[0] for step in range(100)] for epoch in range(2))
    assert sorted(first) == sorted(second) == [0] * 50 + [1] * 50 and first != second
    changes = sum(a != b for a, b in zip(first, first[1:], strict=False))
    assert 30 < changes < 70  # about every other step


def test_the_default_order_is_the_official_one():
    """The paper does not say how batches are drawn."""
    assert Multitask(corpora=["a"]).order == "official"


def test_the_official_order_draws_with_replacement_across_steps():
    """Full batches only, rows of a batch distinct, batches independent: some rows come often, some never."""
    mix = mixture([803, 83], order="official")
    assert mix.counts == [100, 10] and mix.steps == 330 and mix.schedule == int(886 / 8 * 3)
    found = [mix.examples(step) for step in range(110)]
    assert Counter(corpus for corpus, _ in found) == {0: 100, 1: 10}
    assert all(len(set(rows.tolist())) == 8 and set(rows // 1000) == {corpus} for corpus, rows in found)
    times = Counter(int(row) for corpus, rows in found if corpus == 0 for row in rows)
    never = 803 - len(times)
    # Each of 100 batches has a row with probability 8/803: (1 - 8/803) ** 100 = 0.367 of the rows are never drawn.
    assert abs(never / 803 - 0.367) < 0.06 and max(times.values()) >= 4


def test_official_batches_are_draws_of_seed_and_step():
    mix = mixture([80, 40], order="official", seed=5)
    for step in range(15):
        corpus, rows = mix.examples(step)
        draw = example_order.generator(5, multitask_sampling.DRAW, step)
        assert rows.tolist() == (draw.choice([80, 40][corpus], 8, replace=False) + 1000 * corpus).tolist()


def test_a_corpus_of_one_batch_is_drawn_whole():
    mix = mixture([8, 16], order="official")
    assert mix.counts == [1, 2]
    assert {tuple(sorted(mix.examples(step)[1])) for step in range(9) if mix.examples(step)[0] == 0} == {(*range(8),)}


def test_a_low_temperature_leaves_the_largest_corpus_alone():
    assert multitask_sampling.counts([800, 21], group("x", sampling="temperature", temperature=0.001), 8) == [103, 0]


def test_description():
    assert mixture([100, 20]).describe() == "0 100 examples, 13 batches an epoch; 1 20 examples, 3 batches an epoch"


def test_a_corpus_that_gets_no_batch_is_named():
    with pytest.raises(
        UserError, match=r"^multitask: an epoch has no batch of 1; lower `batch_size`, or take .* and order: epochs$"
    ):
        mixture([100, 5], order="official")
    with pytest.raises(UserError, match="no batch of 1"):
        mixture([100, 5], order="official", sampling="equal")


@pytest.mark.parametrize(
    "changes",
    [{}, {"epochs": 1.5}, {"steps": 9}, {"epochs": 0.25}, {"minimum_steps": 50}, {"minimum_steps": 16},
     {"steps": 9, "minimum_steps": 12}, {"examples": 3, "epochs": 1}],
)  # fmt: skip
def test_steps_and_schedule_are_those_of_a_plan(changes):
    recipe = Finetune.model_validate({"batch_size": 8, "epochs": 2} | changes)
    plan = example_order.plan(np.zeros(61, int), recipe, 1)[0]
    mix = Mixture({"a": plan.rows}, group("a"), recipe)
    assert (mix.steps, mix.schedule) == (plan.steps, plan.schedule)
