"""Steps timed by a fake clock: the time per step and the rate that they were made with are found again."""

from __future__ import annotations

import pytest

from bertfit.plan import device_speed
from bertfit.plan.device_speed import Step, StepCost, Timer, Timing


class Device:
    """Takes ``step_seconds`` for a step, and runs its operations at ``rate``; a text is 10 operations, or one."""

    def __init__(self, step_seconds: float, rate: float) -> None:
        self.now, self.step_seconds, self.rate = 0.0, step_seconds, rate
        self.sizes: list[int] = []
        self.slow: dict[int, float] = {}  # number of the step -> further seconds

    def prepare(self, documents: int, short: bool) -> tuple[Step, float]:
        operations = documents * (1.0 if short else 10.0)

        def step(number: int) -> None:
            self.sizes.append(documents)
            self.now += self.step_seconds + operations / self.rate + self.slow.get(number, 0.0)

        return step, operations

    def timer(self, budget: float = 8.0) -> Timer:
        return Timer(budget, clock=lambda: self.now)


@pytest.mark.parametrize(("seconds", "rate"), [(0.014, 10_000.0), (0.005, 1_000.0), (0.2, 400.0), (0.0, 300.0)])
def test_time_per_step_and_rate_are_found_again(seconds: float, rate: float) -> None:
    device = Device(seconds, rate)
    small, full = device.timer().two_sizes(device.prepare, 24)
    assert (small.operations, full.operations) == (24, 240)
    found = device_speed.fit(small, full)
    assert found.step_seconds == pytest.approx(seconds, abs=1e-12)
    assert found.operations_per_second == pytest.approx(rate)


def test_a_slow_step_does_not_count() -> None:
    device = Device(0.01, 1000.0)
    device.slow = {0: 30.0, 7: 0.4}  # loading of kernels, and another process
    small, full = device.timer().two_sizes(device.prepare, 24)
    assert full.seconds == pytest.approx(0.01 + 0.24) and small.seconds == pytest.approx(0.01 + 0.024)


def test_the_batch_fits_the_budget() -> None:
    device = Device(0.0, 20.0)
    # half a second a text: two take an eighth of 8 s
    assert device.timer().batch_size(device.prepare, 24) == 2
    assert device.timer().batch_size(device.prepare, 1) == 1
    assert device.timer(budget=1000.0).batch_size(device.prepare, 24) == 24
    began = device.now
    device.timer().two_sizes(device.prepare, 2)
    assert device.now - began < 10, "about the budget of 8 s"


def test_the_clock_is_read_when_the_device_is_done() -> None:
    """A GPU's steps are queued: they take their time in the wait, not in the call."""
    now, queued = [0.0], [0]

    def prepare(documents: int, short: bool) -> tuple[Step, float]:
        return lambda number: queued.__setitem__(0, queued[0] + 1), 1.0

    def wait() -> None:
        now[0] += 0.5 * queued[0]
        queued[0] = 0

    small, full = Timer(8.0, wait, lambda: now[0]).two_sizes(prepare, 3)
    assert small.seconds == full.seconds == 0.5


def test_no_time_per_step_where_larger_steps_are_slower_than_their_operations() -> None:
    assert device_speed.fit(Timing(1.0, 100.0), Timing(20.0, 1000.0)) == StepCost(0.0, 50.0)


def test_the_rate_is_bounded_where_the_host_takes_all_the_time() -> None:
    for small in (0.0551, 0.055, 0.0549):  # as long as the full step, but for noise
        found = device_speed.fit(Timing(small, 10.0), Timing(0.055, 1000.0))
        assert found.operations_per_second == pytest.approx(990 / (0.2 * 0.055))
        assert found.step_seconds + 1000 / found.operations_per_second == pytest.approx(0.055)
        assert found.step_seconds > 0.04


def test_batches_of_one_size_say_nothing_of_the_time_per_step() -> None:
    assert device_speed.fit(Timing(2.0, 100.0), Timing(2.0, 100.0)) == StepCost(0.0, 50.0)


def test_time_per_step_at_a_known_rate() -> None:
    small, full = Timing(0.06, 10.0), Timing(0.06, 1000.0)
    assert device_speed.step_seconds(small, full, 50_000.0) == pytest.approx((0.0598 + 0.04) / 2)
    assert device_speed.step_seconds(small, full, 1000.0) == 0.0
