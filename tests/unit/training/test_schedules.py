"""Schedules of the learning rate: the official one with its jump, and the continuous one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import schedule_steps, training_steps
from bertfit.core.errors import UserError
from bertfit.training import schedules
from bertfit.training.schedules import Schedule


def test_schedule_climbs_jumps_and_falls():
    schedule = Schedule(total=100, warmup=0.1)
    factors = [schedule.factor(step) for step in range(103)]
    assert factors[0] == 0 and factors[5] == 0.5 and factors[9] == pytest.approx(0.9)
    assert factors[10] == 0.9  # 1 - x at once: the official code never reaches 1
    assert factors[50] == 0.5 and factors[99] == pytest.approx(0.01)
    assert factors[100:] == [0, 0, 0]
    assert Schedule(100, 0.1, reproduce_negative_lr=True).factor(102) == pytest.approx(-0.02)
    assert Schedule(4, 0.0).factor(0) == 1


def test_jump_of_the_paper_s_pre_training():
    schedule = Schedule(total=100_000, warmup=0.1)
    assert 5e-5 * schedule.factor(9_999) == pytest.approx(4.9995e-5)
    assert 5e-5 * schedule.factor(10_000) == pytest.approx(4.5e-5)


@given(st.integers(1, 500), st.floats(0, 1), st.integers(0, 700), st.sampled_from(["official", "continuous"]))
def test_factor_is_a_share(total, warmup, step, kind):
    assert 0 <= Schedule(total, warmup, kind=kind).factor(step) <= 1


@pytest.mark.parametrize(("total", "warmup"), [(100, 0.1), (100, 0.0), (8, 0.5), (40, 1.0)])
def test_continuous_schedule_equals_transformers(total, warmup):
    """Update s, from 0, takes the value of transformers at s: no offset. Both rest at 0 in their first update."""
    from transformers import get_linear_schedule_with_warmup

    theirs = get_linear_schedule_with_warmup(torch.optim.SGD([torch.zeros(1)], lr=1), round(total * warmup), total)
    mine = Schedule(total, warmup, kind="continuous")
    wanted = theirs.lr_lambdas[0]
    assert [mine.factor(step) for step in range(total + 2)] == pytest.approx([wanted(s) for s in range(total + 2)])
    assert max(mine.factor(step) for step in range(total)) == (1 if warmup < 1 else pytest.approx(1 - 1 / total))


def test_schedules_part_after_the_warm_up():
    official, continuous = (Schedule(100, 0.2, kind=kind) for kind in ("official", "continuous"))
    assert [official.factor(step) for step in range(20)] == [continuous.factor(step) for step in range(20)]
    assert (official.factor(20), continuous.factor(20)) == (0.8, 1)
    assert (official.factor(60), continuous.factor(60)) == (0.4, pytest.approx(0.5))
    assert Schedule(100, 0.2, reproduce_negative_lr=True, kind="continuous").factor(108) == pytest.approx(-0.1)


def test_updates_before_have_a_schedule_of_their_own():
    schedule = Schedule(10, 0.2, before=5)
    assert [schedule.factor(step) for step in range(5)] == [Schedule(5, 0.2).factor(step) for step in range(5)]
    assert [schedule.factor(step) for step in range(5, 15)] == [Schedule(10, 0.2).factor(step) for step in range(10)]


def checked(texts: int, recipe: Finetune) -> None:
    total = schedule_steps(texts, recipe.batch_size, recipe.epochs, recipe.steps, recipe.minimum_steps)
    epoch = -(-texts // recipe.batch_size)
    steps = training_steps(recipe.epochs, epoch, recipe.steps, recipe.minimum_steps)
    schedules.check(recipe, texts=texts, steps=steps, total=total)


@pytest.mark.parametrize(
    ("texts", "changes", "message"),
    [
        (8, {}, "8 training texts, epochs=4 and batch_size=24 make a schedule of 1 step, whose learning rate is 0 in "
         "every step: nothing would be learned; give 12 training texts or more, or set `minimum_steps` to 2 or more"),
        (11, {"schedule": "continuous"}, "give 12 training texts"),
        (500, {"steps": 1}, "nothing would be learned; set `minimum_steps` to 2"),
        (8, {"epochs": 1.0, "batch_size": 8}, "give 16 training texts"),
    ],
)  # fmt: skip
def test_runs_without_any_rate_are_refused_with_the_cure(texts, changes, message):
    with pytest.raises(UserError) as caught:
        checked(texts, Finetune(**changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "changes"),
    [(12, {}), (8, {"minimum_steps": 2}), (8, {"warmup": 0.0}), (500, {"steps": 2}), (1, {"minimum_steps": 2}),
     (8, {"reproduce_negative_lr": True}), (16, {"epochs": 1.0, "batch_size": 8})],
)  # fmt: skip
def test_runs_with_a_rate_in_one_step_are_trained(texts, changes):
    checked(texts, Finetune(**changes))
