"""Wall time of jobs that wait for each other."""

from __future__ import annotations

import pytest

from bertfit.plan import schedule
from bertfit.plan.schedule import ScheduledJob

NEEDS = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}
SECONDS = {"a": 2.0, "b": 3.0, "c": 1.0, "d": 1.0, "e": 4.0}


def test_closure_has_what_is_needed_first() -> None:
    assert schedule.closure(["d"], NEEDS) == ["a", "b", "c", "d"]
    assert schedule.closure(["c", "e", "b"], NEEDS) == ["a", "c", "e", "b"]


def makespan(seconds: dict[str, float], needs: dict[str, list[str]], slots: int, large: dict[str, int]) -> float:
    jobs = {name: ScheduledJob(seconds[name], needs.get(name, []), large.get(name, 1)) for name in seconds}
    return schedule.makespan(jobs, slots)


@pytest.mark.parametrize(("slots", "seconds"), [(1, 11), (2, 6), (3, 6), (8, 6)])
def test_wall_time(slots: int, seconds: float) -> None:
    # two: a 0 to 2 and e 0 to 4, then b 2 to 5 and c 4 to 5, then d 5 to 6
    assert makespan(SECONDS, NEEDS, slots, {}) == seconds


def test_wall_time_of_a_chain_that_waits() -> None:
    # a long job is taken before short ones of which nothing hangs
    assert makespan({"x": 1.0, "y": 1.0, "z": 5.0}, {}, 2, {}) == 5


def test_a_job_of_several_slots_waits_until_they_are_free() -> None:
    # z first; while y waits for both slots, x takes the second one
    assert makespan({"x": 1.0, "y": 2.0, "z": 5.0}, {}, 2, {"y": 2}) == 7
    # y first, as w hangs on it: 0 to 2, then z 2 to 7, beside it w and x
    assert makespan({"w": 4.0, "x": 1.0, "y": 2.0, "z": 5.0}, {"w": ["y"]}, 2, {"y": 2}) == 7
    assert makespan({"y": 2.0, "z": 2.0}, {}, 4, {"y": 2, "z": 2}) == 2


def test_a_job_that_fits_nowhere() -> None:
    with pytest.raises(ValueError, match="y occupies 3 of 2 slots"):
        makespan({"y": 2.0}, {}, 2, {"y": 3})
