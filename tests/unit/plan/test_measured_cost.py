"""What jobs that are done took, and how much of it was not training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.summary_specs import PlannedBaseline
from bertfit.plan import measured_cost
from bertfit.plan.device_speed import DevicePower
from bertfit.plan.measured_cost import Spent, StartCost
from helpers import madeup


def test_planned_against_spent(tmp_path: Path) -> None:
    for name, loop, process in (("runs/a", 8.0, 10.0), ("runs/b", 30.0, 12.0), ("runs/c", 5.0, None)):
        (tmp_path / name).mkdir(parents=True)
        record = madeup.record({})
        record["cost"] |= {"seconds": loop, "tokens": 7}
        (tmp_path / name / "run.json").write_text(json.dumps(record))
        if process is not None:
            (tmp_path / f"{name}.jsonl").write_text(json.dumps({"s": process}) + "\n")
    about = {"corpus": "x", "recipe": "default", "seeds": [1], "kind": "baseline", "needs": []}
    jobs = [
        PlannedBaseline.model_validate({**about, "name": name, "benchmark": str(tmp_path / f"{name}.jsonl")})
        for name in ("runs/a", "runs/b", "runs/c", "runs/d")
    ]
    found = measured_cost.spent(jobs, tmp_path)
    assert {name: each.whole for name, each in found.items()} == {"runs/a": 10.0, "runs/b": 30.0, "runs/c": 5.0}
    # b went on after a kill, c has no benchmark: of a's ten seconds two were not its loop
    assert measured_cost.start(found, 3.0) == StartCost(planned_seconds=3.0, jobs=1, seconds=2.0, share=0.2)


def test_what_cannot_be_read_of_a_done_job_is_named(tmp_path: Path) -> None:
    record, benchmark = madeup.record({}), tmp_path / "a.jsonl"
    about = {"corpus": "x", "recipe": "default", "seeds": [1], "kind": "baseline", "needs": [], "name": "runs/a"}
    job = PlannedBaseline.model_validate({**about, "benchmark": str(benchmark)})
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/run.json").write_text(json.dumps(record))
    benchmark.write_text('{"s": "-"}\n')
    with pytest.raises(UserError, match="a.jsonl: not a benchmark of Snakemake"):
        measured_cost.spent([job], tmp_path)
    del record["cost"]["seconds"]
    (tmp_path / "runs/a/run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="runs/a/run.json: no time of a training"):
        measured_cost.spent([job], tmp_path)


GIVEN = DevicePower(watts=300.0, source="given", estimated=True)
MEASURED = DevicePower(watts=250.0, source="while its speed was measured", estimated=False)


def done(kwh: float | None, seconds: float, **more) -> Spent:
    return Spent(
        loop=seconds, process=None, tokens=1, kwh=kwh, device_seconds=seconds, **{"device_type": "cuda", **more}
    )


def test_power_of_jobs_that_are_done() -> None:
    """0.3 kWh in two hours of a GPU are 150 W. Other devices and jobs without a recorded energy do not count."""
    jobs = [
        done(0.1, 3600), done(0.2, 3600, estimated=True), done(None, 9999), done(9.0, 1, device_type="cpu")
    ]  # fmt: skip
    found = measured_cost.power(jobs, "cuda", MEASURED)
    assert found is not None and (found.source, found.estimated) == ("of 2 jobs that are done", True)
    assert found.watts == pytest.approx(150)
    assert measured_cost.power(jobs, "cuda", GIVEN) == GIVEN
    assert measured_cost.power(jobs[2:], "cuda", MEASURED) == MEASURED
    assert measured_cost.power([], "cpu", None) is None


def test_energy_of_a_done_job_is_that_of_its_gpus(tmp_path: Path) -> None:
    (tmp_path / "runs/a").mkdir(parents=True)
    record = madeup.record({})
    energy = {"gpu_kwh": 0.3, "cpu_kwh": 0.1, "gpu_method": "g", "cpu_method": "c", "estimated": True, "cpu_seconds": 9}
    record["cost"] |= {"seconds": 100.0, "energy": energy, "peak_memory_bytes": {"process": 1, "device": 2}}
    record["machine"]["processes"] = 4
    (tmp_path / "runs/a/run.json").write_text(json.dumps(record))
    about = {"corpus": "x", "recipe": "default", "seeds": [1], "kind": "baseline", "needs": [], "name": "runs/a"}
    job = PlannedBaseline.model_validate({**about, "benchmark": "none"})
    (spent,) = measured_cost.spent([job], tmp_path).values()
    assert (spent.kwh, spent.estimated, spent.device_seconds, spent.device_type) == (0.4, True, 400, "cuda")
