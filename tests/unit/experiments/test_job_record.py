"""run.json as it is read: what the writer writes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.core.files import write_text
from bertfit.energy.energy_use import Energy
from bertfit.experiments import job_record
from bertfit.experiments.job_record import EvaluationTime, HeldOutLoss, JobCost, JobRecord, PretrainingRecord
from bertfit.experiments.job_specs import BlockSpec, MultitaskSpec, plain
from bertfit.runtime.rule_job import JobIdentity
from bertfit.training import run_record
from helpers import madeup

SPEC = BlockSpec(corpus="imdb", encoder="mini", recipe=Finetune(lr=1e-4), seeds=[1, 2])


def test_what_a_job_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.arrow").write_text("rows")
    job = JobIdentity("0123456789abcdef", plain(SPEC))
    cost = {"seconds": 2.0, "tokens": 7, "threads": 1, "encoding": {"seconds": 0.5, "tokens": 9}}
    written = run_record.record(
        job, inputs={"train": tmp_path / "train.arrow"}, device=torch.device("cpu"), cost=cost
    ) | {"heads": "newly initialised"}
    write_text(tmp_path / "run.json", run_record.text(written))
    record = job_record.read(tmp_path / "run.json", JobRecord)
    assert (record.code, record.versions["torch"]) == (job.code, written["versions"]["torch"])
    assert record.inputs["train"].model_dump() == written["inputs"]["train"]
    assert record.machine.model_dump(exclude_none=True) == written["machine"]
    assert (record.cost.total_seconds, record.cost.tokens, record.cost.steps) == (2.5, 7, None)
    assert record.cost.peak_memory_bytes.process > 0 and record.cost.peak_memory_bytes.device is None
    assert job_record.spec_of(tmp_path / "run.json", record, BlockSpec) == SPEC


def test_energy_of_a_job_is_that_of_its_loop_and_of_the_states() -> None:
    energy = Energy(gpu_kwh=1.0, cpu_kwh=0.5, gpu_method="g", cpu_method="c", estimated=False, cpu_seconds=2.0)
    cost = {"seconds": 2.0, "energy": energy, "peak_memory_bytes": {"process": 1}}
    assert JobCost(**cost).total_energy == energy
    both = JobCost(**cost, encoding={"seconds": 1.0, "energy": energy}).total_energy
    assert both is not None and both.kwh == 3.0
    assert JobCost(**cost, encoding={"seconds": 1.0}).total_energy is None, "a part of it was not measured"
    assert JobCost(seconds=2.0, peak_memory_bytes={"process": 1}).total_energy is None, "a record of before"


def test_milliseconds_of_a_text() -> None:
    assert EvaluationTime(texts=500, tokens=None, batch_tokens=None, seconds=2.0).milliseconds == 4.0


def test_a_pretraining_has_its_steps_and_its_loss(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(madeup.record({}) | {"steps": 9, "held_out_mlm_loss": {"before": 2.0, "after": 2.5}}))
    record = job_record.read(path, PretrainingRecord)
    assert record.steps == 9 and record.held_out_mlm_loss and record.held_out_mlm_loss.change == 0.5
    assert HeldOutLoss(before=None, after=2.5).change is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ("[]", "JobRecord"),
        ("{}", "code is missing"),
        ('{"code": "c", "spec": {}, "inputs": {}, "versions": {}, "machine": {}}', "machine.system is missing"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=rf"run\.json: not the record of a job \(.*{reason}.*\); delete its folder"):
        job_record.read(path, JobRecord)


def test_values_of_another_kind_of_job_are_named(tmp_path: Path) -> None:
    record = JobRecord.model_validate(madeup.record(plain(SPEC)))
    with pytest.raises(UserError, match=r"run\.json: not a MultitaskSpec \(multitask is missing\); delete its folder"):
        job_record.spec_of(tmp_path / "run.json", record, MultitaskSpec)


def test_a_joined_block_is_several_jobs() -> None:
    """As `archiving.joined_blocks` writes it; another record is one job."""
    alone = JobRecord.model_validate(madeup.record({"seeds": [1]}))
    assert alone.jobs == [alone] and alone.of_seed(1) is alone and alone.contributor is None
    parts = [
        {"seeds": [seed], "record": madeup.record({"seeds": [seed]}) | {"contributor": name}}
        for seed, name in ((1, "a"), (2, "b"))
    ]
    joined = JobRecord.model_validate(madeup.record({"seeds": [1, 2]}) | {"joined": parts, "contributor": "a, b"})
    assert [job.contributor for job in joined.jobs] == ["a", "b"] and joined.contributor == "a, b"
    assert joined.of_seed(2).spec == {"seeds": [2]} and joined.of_seed(9) is joined


def test_the_fastest_evaluation_of_a_block() -> None:
    """Seeds that diverged before an evaluation have none."""
    seeds = [{"parameters": 7, "evaluation": seconds and {"seconds": seconds}} for seconds in (None, 3.0, 2.0)]
    assert job_record.fastest(seeds) == seeds[2]
    assert job_record.fastest(seeds[:1]) == seeds[0]
    assert job_record.fastest([]) is None


def of_block(**seconds: float) -> dict[str, Any]:
    """The cost of a block whose seeds took so many seconds, a tenth of it as kWh, and 10 word pieces each."""
    about = {"gpu_method": "g", "cpu_method": "c", "estimated": False, "cpu_seconds": 1.0, "cpu_kwh": 0.0}
    seeds = {
        name[1:]: {"seconds": took, "tokens": 10, "energy": {**about, "gpu_kwh": took / 10}}
        for name, took in seconds.items()
    }
    whole = sum(seconds.values())
    return {
        "seconds": whole, "tokens": 10 * len(seeds), "energy": {**about, "gpu_kwh": whole / 10}, "seeds": seeds,
        "encoding": {"seconds": 5.0, "energy": {**about, "gpu_kwh": 0.5}}, "peak_memory_bytes": {"process": 1},
    }  # fmt: skip


def test_the_cost_of_the_seeds_taken() -> None:
    """With the whole encoding: a single seed needs it, too."""
    cost = JobCost.model_validate(of_block(s1=1.0, s2=2.0, s3=4.0))
    taken = cost.of_seeds([3, 1])
    assert (taken.seconds, taken.tokens, taken.encoding.seconds, sorted(taken.seeds)) == (5.0, 20, 5.0, [1, 3])
    assert taken.energy and taken.energy.kwh == 0.5 and taken.total_energy and taken.total_energy.kwh == 1.0
    assert cost.of_seeds([1, 2, 3]) == cost
    baseline = JobCost(seconds=2.0, peak_memory_bytes={"process": 1})
    assert baseline.of_seeds([1]) == baseline, "a job of one seed"
    with pytest.raises(UserError, match=r"says nothing of \[4\]"):
        cost.of_seeds([1, 4])


def test_jobs_of_a_joined_record_cost_the_seeds_taken() -> None:
    part = madeup.record({}) | {"cost": of_block(s1=1.0, s2=2.0)}
    joined = madeup.record({}) | {"joined": [{"seeds": [1], "record": part}, {"seeds": [2], "record": part}]}
    record = JobRecord.model_validate(joined)
    assert [job.cost.seconds for job in record.jobs] == [1.0, 2.0]


def test_time_of_a_text_is_that_of_one_gpu() -> None:
    """Ranks share an evaluation."""
    evaluation = {"texts": 500, "tokens": None, "batch_tokens": None, "seconds": 2.0}
    written = madeup.record({}) | {"classifier": {"parameters": 1, "bytes": 4, "evaluation": evaluation}}
    for processes in (1, 4):
        written["machine"]["processes"] = processes
        assert JobRecord.model_validate(written).milliseconds == 4.0 * processes
    written["classifier"]["evaluation"] = None
    assert JobRecord.model_validate(written).milliseconds is None
