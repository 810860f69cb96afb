"""The speed of a device, from the real steps."""

from __future__ import annotations

import pytest
import torch

from bertfit.experiments.registry import open_registry
from bertfit.plan import measure_speed
from bertfit.plan.device_speed import PerStep, Step, Timer
from bertfit.plan.flops import Size
from bertfit.plan.measure_speed import Kinds
from bertfit.runtime import hardware
from bertfit.training import run_record, train_step
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
        "step_seconds_without_graphs", "start_seconds", "versions", "power",
    ]  # fmt: skip
    assert found.versions == run_record.versions(torch.device("cpu"))
    assert all(rate > 0 for rate in found.operations_per_second.model_dump().values())
    assert all(0 <= seconds < 1 for seconds in found.step_seconds.model_dump().values())
    assert (found.device_type, found.step_seconds_without_graphs) == ("cpu", None)
    assert found.power is not None and found.power.watts > 0
    assert found.device == "X" and found.size == "2 layers of 16"


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("half_weights", [True, False])
def test_steps_are_timed_as_the_switches_say(monkeypatch: pytest.MonkeyPatch, half_weights: bool) -> None:
    found: list[train_step.StepOptions] = []
    create = train_step.create
    monkeypatch.setattr(train_step, "create", lambda task, options: found.append(options) or create(task, options))
    spec = PlanJobs(TrainingJobs(open_registry({"study": "miniature"}, ROOT))).calibration_spec()
    encoder = spec.encoder.model_copy(update={"shape": tiny.SHAPE.model_copy(update={"positions": 64})})
    changes = {"encoder": encoder, "half_weights": half_weights}
    measure_speed.measure(spec.model_copy(update=changes), budget=0.01)
    switched = train_step.StepOptions(cuda_graphs=False, half_weights=half_weights)
    assert found == [switched] * 2, "no graphs on a CPU"
    found.clear()
    time = measure_speed._time
    monkeypatch.setattr(measure_speed, "_time", lambda kinds, timer, also_plain: time(kinds, timer, also_plain=True))
    measured = measure_speed.measure(spec.model_copy(update=changes), budget=0.01)
    assert found == [train_step.NONE] * 2 + [switched] * 2
    assert measured.step_seconds_without_graphs


class _Device:
    """A fake clock: a step takes its launches, and a second for 1000 operations; a text is 10 operations, or one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.prepared: list[str] = []

    def kinds(self, plain: bool) -> Kinds:
        suffix, launches = (" without graphs", 0.05) if plain else ("", 0.01)
        return {
            "finetune": (24, lambda count, short: self._prepare("finetune" + suffix, launches, count, short)),
            "evaluate": (100, lambda count, short: self._prepare("evaluate", 0.02, count, short)),
            "pretrain": (32, lambda count, short: self._prepare("pretrain" + suffix, 2 * launches, count, short)),
        }

    def _prepare(self, name: str, launches: float, count: int, short: bool) -> tuple[Step, float]:
        operations = count * (1.0 if short else 10.0)
        self.prepared.append(name)

        def step(number: int) -> None:
            self.now += launches + operations / 1000

        return step, operations


def test_evaluation_is_timed_once_and_training_with_graphs_and_without() -> None:
    device = _Device()
    found = measure_speed._time(device.kinds, Timer(80.0, clock=lambda: device.now), also_plain=True)
    assert found.batch_sizes == PerStep(finetune=24, evaluate=100, pretrain=32)
    assert vars(found.step_seconds) == pytest.approx({"finetune": 0.01, "evaluate": 0.02, "pretrain": 0.02})
    slower = found.step_seconds_without_graphs
    assert slower and vars(slower) == pytest.approx({"finetune": 0.05, "evaluate": 0.02, "pretrain": 0.1})
    timed = {name: device.prepared.count(name) for name in device.prepared}
    assert timed == {
        "finetune without graphs": 3, "pretrain without graphs": 3, "finetune": 2, "evaluate": 3, "pretrain": 2,
    }, "one batch to find the size, two to time"  # fmt: skip
    plain = [number for number, name in enumerate(device.prepared) if "without" in name]
    assert plain == list(range(6)), "before copies of weights are made, which stay"


def test_otherwise_each_step_is_timed_once() -> None:
    device = _Device()
    found = measure_speed._time(device.kinds, Timer(80.0, clock=lambda: device.now), also_plain=False)
    assert found.step_seconds_without_graphs is None
    assert vars(found.step_seconds) == pytest.approx({"finetune": 0.01, "evaluate": 0.02, "pretrain": 0.02})
    assert len(device.prepared) == 9


@pytest.mark.parametrize(
    ("hidden", "heads"), [(768, 12), (1024, 16), (128, 2), (312, 13), (320, 5), (80, 2), (16, 1), (100, 1)]
)
def test_heads_divide_the_hidden_size_into_multiples_of_8(hidden: int, heads: int) -> None:
    """312 are 13 heads of 24, 80 two of 40; 100 has no such divisor."""
    assert measure_speed._shape(Size(2, hidden, 4 * hidden, 100, 64)).heads == heads
