"""The speed of a device: batches that fit the budget, and the real steps."""

from __future__ import annotations

import pytest

from bertfit.experiments.registry import open_registry
from bertfit.plan import measure_speed
from bertfit.runtime import hardware
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import tiny


def test_timing_makes_the_batch_fit_the_budget() -> None:
    class Clock:
        now = 0.0

    done = []

    def step(size: int, number: int) -> float:
        done.append(size)
        Clock.now += 0.5 * size
        return 100.0 * size

    # half a second an example: three fit a fifth of 8 s; then 1.5 s each until 4.8 s are over
    assert measure_speed.timed(step, 24, 8.0, lambda: Clock.now) == (200.0, 3)
    assert done == [1, 1, 3, 3, 3, 3, 3]


@pytest.mark.usefixtures("cpu")
def test_calibration_runs_the_real_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    planning = PlanJobs(TrainingJobs(open_registry({"study": "miniature"}, ROOT)))
    spec = planning.calibration_spec()
    encoder = spec.encoder.model_copy(update={"shape": tiny.SHAPE.model_copy(update={"positions": 64})})
    monkeypatch.setattr(hardware, "processor", lambda: "X")  # read where the job runs, not where it was asked for
    found = measure_speed.measure(
        spec.model_copy(update={"encoder": encoder, "machine": ["a login node"]}), budget=0.05
    )
    assert list(found.model_dump()) == [
        "device", "threads", "size", "batch_sizes", "operations_per_second", "start_seconds",
    ]  # fmt: skip
    assert all(rate > 0 for rate in found.operations_per_second.model_dump().values())
    assert found.device == "X" and found.size == "2 layers of 16"
