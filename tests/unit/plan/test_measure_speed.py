"""The speed of a device, from the real steps."""

from __future__ import annotations

import pytest

from bertfit.experiments.registry import open_registry
from bertfit.plan import measure_speed
from bertfit.runtime import hardware
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import tiny


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
        "device", "device_type", "threads", "size", "batch_sizes", "operations_per_second", "step_seconds",
        "step_seconds_without_graphs", "start_seconds",
    ]  # fmt: skip
    assert all(rate > 0 for rate in found.operations_per_second.model_dump().values())
    assert all(0 <= seconds < 1 for seconds in found.step_seconds.model_dump().values())
    assert (found.device_type, found.step_seconds_without_graphs) == ("cpu", None)
    assert found.device == "X" and found.size == "2 layers of 16"
