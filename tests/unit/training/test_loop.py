"""The loop with a task of one weight: what it calls, when it saves, what it says."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from bertfit.core.errors import UserError
from bertfit.energy.energy_use import Energy
from bertfit.model.dropout import Noise
from bertfit.training import checkpoint, loop, optimizer
from bertfit.training.schedules import Schedule
from helpers.plain_task import PlainTask


@dataclass
class Step:
    number: int
    tokens: int = 10


class Line(PlainTask):
    """Fits a weight to 1 with noise; remembers what it was asked for."""

    name = "line"
    seed = 5

    def __init__(self, steps: int, fails_at: int = -1) -> None:
        self.steps = steps
        self.fails_at = fails_at
        self.model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
        nn.init.zeros_(self.model.weight)
        self.noise = Noise()
        group = optimizer.Group("w", 0.1, 0.0, dict(self.model.named_parameters()))
        self.optimizer = optimizer.BertAdam([group], Schedule(steps, 0.1), clip="tensor", max_norm=1)
        self.memory = {"reached": [], "noise": []}
        self.tensors = {"sum": torch.zeros((), dtype=torch.float64)}

    def batch(self, step: int) -> Step:
        return Step(step)

    def loss(self, batch: Step) -> tuple[torch.Tensor, torch.Tensor]:
        draw = self.noise.keep(torch.Size([8]), 0.5).sum()
        loss = (self.model.weight * (1 + float(draw) / 100) - 1).pow(2).sum()
        return loss * float("nan") if batch.number == self.fails_at else loss, draw

    def record(self, sums: torch.Tensor) -> None:
        self.memory["noise"].append(float(sums))
        self.tensors["sum"] += sums

    def reached(self, step: int, check) -> None:
        check()
        self.memory["reached"].append(step)


def test_every_count_of_updates_is_reached_once(tmp_path):
    task = Line(6)
    cost = loop.run(task, tmp_path / "state", "k")
    assert task.memory["reached"] == [0, 1, 2, 3, 4, 5, 6]
    assert cost["steps"] == 6 and cost["tokens"] == 60 and cost["seconds"] > 0
    assert not (tmp_path / "state").exists()  # shorter than a minute: nothing saved


def test_noise_is_that_of_seed_and_step(tmp_path):
    task = Line(4)
    loop.run(task, tmp_path / "state", "k")
    noise = Noise()
    expected = []
    for step in range(4):
        noise.reseed(5, step)
        expected.append(float(noise.keep(torch.Size([8]), 0.5).sum()))
    assert task.memory["noise"] == expected


@pytest.mark.parametrize("every", [1, 3, 7])
def test_going_on_from_any_saved_step(tmp_path, monkeypatch, every):
    whole = Line(20)
    loop.run(whole, tmp_path / "none", "k")
    monkeypatch.setenv(loop.SAVE_STEPS, str(every))
    broken = Line(20, fails_at=16)
    with pytest.raises(UserError):
        loop.run(broken, tmp_path / "state", "k")
    resumed = Line(20)
    cost = loop.run(resumed, tmp_path / "state", "k")
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert torch.equal(resumed.tensors["sum"], whole.tensors["sum"])
    assert resumed.memory == whole.memory
    assert cost["tokens"] == 200


def test_a_loss_that_is_not_finite_names_step_and_rate(tmp_path):
    with pytest.raises(UserError, match=r"line: loss is nan at step 4 of 10 \(learning rate 0.07\)"):
        loop.run(Line(10, fails_at=3), tmp_path / "state", "k")


@pytest.mark.parametrize("every", [0, 1, 2])
def test_divergence_is_a_result_where_it_is_asked_for(tmp_path, monkeypatch, every):
    """The fourth loss is nan: step 4, after four batches of 10 tokens, however often the state was saved."""
    monkeypatch.setenv(loop.SAVE_STEPS, str(every))
    steps = []
    for _ in range(2):  # then from the saved state, which precedes it
        task = Line(10, fails_at=3)
        cost = loop.run(task, tmp_path / "state", "k", diverged=steps.append)
        assert (cost["steps"], cost["tokens"]) == (4, 40)
    assert steps == [4, 4]


def test_a_signal_before_divergence_stops_the_job(tmp_path):
    class Stopped(Line):
        def loss(self, batch) -> tuple[torch.Tensor, torch.Tensor]:
            if batch.number == self.fails_at:
                signal.raise_signal(signal.SIGTERM)
            return super().loss(batch)

    steps = []
    with pytest.raises(loop.Stopped) as stopped:
        loop.run(Stopped(10, fails_at=3), tmp_path / "state", "k", diverged=steps.append)
    assert stopped.value.code == 128 + signal.SIGTERM and not steps


def test_a_state_is_saved_before_what_is_reached(tmp_path, monkeypatch):
    monkeypatch.setenv(loop.SAVE_STEPS, "5")
    loop.run(Line(10), tmp_path / "state", "k")
    meta = checkpoint.load(tmp_path / "state", "k")[1]
    assert meta["step"] == 10 and meta["memory"]["reached"] == list(range(10))


def test_progress_is_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    loop.run(Line(3), tmp_path / "state", "k")
    assert [record.message.split(",")[0] for record in caplog.records] == ["line: step 3 of 3"]
    assert "tokens/s, 0:00 left" in caplog.text


class Greedy(Line):
    """A task for which the memory of the GPU does not suffice."""

    def loss(self, batch) -> tuple[torch.Tensor, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def test_a_gpu_without_memory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line: .*memory.* 10 tokens.*`batch_size`"):
        loop.run(Greedy(3), tmp_path / "state", "k")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_not_finite(tmp_path: Path, value: str) -> None:
    class Lost(Line):
        def loss(self, batch) -> tuple[torch.Tensor, torch.Tensor]:
            loss, sums = super().loss(batch)
            return loss * float(value), sums

    with pytest.raises(
        UserError, match=rf"line: loss is {'nan' if value == 'nan' else '.*inf'} at step 1 of 3 .*lower `lr`"
    ):
        loop.run(Lost(3), tmp_path / "state", "k")


class Meter:
    """A process that takes a kilowatt hour of a GPU and a quarter of a processor, whenever it is asked."""

    def read(self) -> Energy:
        return Energy(
            gpu_kwh=1, cpu_kwh=0.25, gpu_method="g", cpu_method="c", estimated=False, cpu_seconds=8, watts_per_core=None
        )


@pytest.fixture
def metered(monkeypatch):
    monkeypatch.setattr(loop.devices, "measuring_energy", lambda device: nullcontext(Meter()))


@pytest.mark.usefixtures("metered")
@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_energy_is_summed_over_restarts(tmp_path, monkeypatch, restarts):
    """What a killed process took until its last save counts, and so does what the next one takes."""
    monkeypatch.setenv(loop.SAVE_STEPS, "4")
    for restart in range(restarts):
        with pytest.raises(UserError):
            loop.run(Line(20, fails_at=6 + 6 * restart), tmp_path / "state", "k")
    cost = loop.run(Line(20), tmp_path / "state", "k")
    energy = Energy(**cost["energy"])
    processes = restarts + 1
    assert (energy.gpu_kwh, energy.cpu_kwh, energy.cpu_seconds) == (processes, processes / 4, 8 * processes)


class RisingMeter(Meter):
    """One kilowatt hour more at each reading."""

    def __init__(self) -> None:
        self.readings = 0

    def read(self) -> Energy:
        self.readings += 1
        return super().read().model_copy(update={"gpu_kwh": self.readings})


def test_energy_of_a_failed_training_and_at_marks(tmp_path, monkeypatch):
    """A mark has what was read there, and not what was read at the end."""
    monkeypatch.setattr(loop.devices, "measuring_energy", lambda device: nullcontext(RisingMeter()))
    cost = loop.run(Line(10, fails_at=3), tmp_path / "state", "k", diverged=lambda step: None)
    assert cost["energy"]["gpu_kwh"] == 1
    cost = loop.run(Line(4), tmp_path / "state", "k", marks=[1, 2])
    assert [cost["marks"][step]["energy"]["gpu_kwh"] for step in "12"] == [1, 2] and cost["energy"]["gpu_kwh"] == 3
    assert cost["marks"]["1"]["seconds"] <= cost["marks"]["2"]["seconds"] < cost["seconds"]


def test_the_last_evaluation_counts_in_the_time(tmp_path, monkeypatch):
    class Slow(Line):
        def reached(self, step, check):
            super().reached(step, check)
            if step == self.steps:
                time.sleep(0.3)

    assert loop.run(Slow(2), tmp_path / "state", "k")["seconds"] >= 0.3
