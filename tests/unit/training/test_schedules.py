"""Schedules of the learning rate: the official one with its jump, and the continuous one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bertfit.training import optimizer


def test_schedule_climbs_jumps_and_falls():
    schedule = optimizer.Schedule(total=100, warmup=0.1)
    factors = [schedule.factor(step) for step in range(103)]
    assert factors[0] == 0 and factors[5] == 0.5 and factors[9] == pytest.approx(0.9)
    assert factors[10] == 0.9  # 1 - x at once: the official code never reaches 1
    assert factors[50] == 0.5 and factors[99] == pytest.approx(0.01)
    assert factors[100:] == [0, 0, 0]
    assert optimizer.Schedule(100, 0.1, reproduce_negative_lr=True).factor(102) == pytest.approx(-0.02)
    assert optimizer.Schedule(4, 0.0).factor(0) == 1


def test_jump_of_the_paper_s_pre_training():
    schedule = optimizer.Schedule(total=100_000, warmup=0.1)
    assert 5e-5 * schedule.factor(9_999) == pytest.approx(4.9995e-5)
    assert 5e-5 * schedule.factor(10_000) == pytest.approx(4.5e-5)


@given(st.integers(1, 500), st.floats(0, 1), st.integers(0, 700), st.sampled_from(["official", "continuous"]))
def test_factor_is_a_share(total, warmup, step, kind):
    assert 0 <= optimizer.Schedule(total, warmup, kind=kind).factor(step) <= 1


@pytest.mark.parametrize(("total", "warmup"), [(100, 0.1), (100, 0.0), (8, 0.5), (40, 1.0)])
def test_continuous_schedule_equals_transformers(total, warmup):
    """Update s, from 0, takes the value of transformers at s: no offset. Both rest at 0 in their first update."""
    from transformers import get_linear_schedule_with_warmup

    theirs = get_linear_schedule_with_warmup(torch.optim.SGD([torch.zeros(1)], lr=1), round(total * warmup), total)
    mine = optimizer.Schedule(total, warmup, kind="continuous")
    wanted = theirs.lr_lambdas[0]
    assert [mine.factor(step) for step in range(total + 2)] == pytest.approx([wanted(s) for s in range(total + 2)])
    assert max(mine.factor(step) for step in range(total)) == (1 if warmup < 1 else pytest.approx(1 - 1 / total))


def test_schedules_part_after_the_warm_up():
    official, continuous = (optimizer.Schedule(100, 0.2, kind=kind) for kind in ("official", "continuous"))
    assert [official.factor(step) for step in range(20)] == [continuous.factor(step) for step in range(20)]
    assert (official.factor(20), continuous.factor(20)) == (0.8, 1)
    assert (official.factor(60), continuous.factor(60)) == (0.4, pytest.approx(0.5))
    assert optimizer.Schedule(100, 0.2, reproduce_negative_lr=True, kind="continuous").factor(108) == pytest.approx(
        -0.1
    )
