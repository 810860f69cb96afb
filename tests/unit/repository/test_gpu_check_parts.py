"""Parts of `make gpu-check` by themselves: failures that they have to see, and processes that they have to end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bertfit.plan.device_speed import Calibration, PerStep
from bertfit.runtime import gpu_lease
from bertfit.training import train_step
from bertfit.training.train_step import EagerStep
from gpu import families, planned_speed, sharing
from gpu.report import Report, Settings
from gpu.workloads import FineTuning, Measured, PreTraining
from helpers.recorded_steps import Recorder


@pytest.mark.usefixtures("cpu")
def test_a_family_that_ends_with_other_bits_is_a_failure(tmp_path: Path) -> None:
    report, settings = Report(tmp_path / "found.json"), Settings(tiny=True)
    one, other = (families.Trained(digest, 2.0, {"code.py:3": 1}) for digest in "ab")
    ended = iter([one, one, one, other])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "trained", lambda *arguments: next(ended))
        families._kernel_by_kernel(report, settings, "mpnet")
        assert not report.failures
        families._kernel_by_kernel(report, settings, "mpnet")
    assert report.failures == ["mpnet: other weights the second time"]
    told = "mpnet, kernel by kernel, twice: the same weights, 2 ms a step; the host waits: {'code.py:3': 1}"
    assert report.lines[:2] == [told, told.replace("the same", "other")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_step, "CudaGraphs", Recorder)
        families._as_graphs(report, settings, "roberta")
    assert report.lines[-1].startswith("roberta, CUDA graphs, and their kernels one by one: the same weights")
    padded, plain = (families.trained("roberta", step, tiny=True) for step in (families.launched, EagerStep))
    assert padded.digest != plain.digest, "batches are padded, so that dropout draws otherwise"


def test_the_plan_s_formula_by_hand(tmp_path: Path) -> None:
    calibration = Calibration(
        device="X",
        device_type="cuda",
        threads=1,
        size="2 layers of 64",
        batch_sizes=PerStep.same(1),
        operations_per_second=PerStep(finetune=100.0, evaluate=1.0, pretrain=50.0),
        step_seconds=PerStep(finetune=0.25, evaluate=1.0, pretrain=0.5),
        step_seconds_without_graphs=PerStep(finetune=2.0, evaluate=1.0, pretrain=3.0),
        start_seconds=1.0,
    )
    done = Measured(seconds=8.0, host_seconds=None, batch_tokens=[5, 6, 7, 8], tokens=26, operations=300.0)
    for kind, variant, seconds in (
        (FineTuning, "half_weights", 4 * 0.25 + 3), (FineTuning, "eager", 4 * 2 + 3), (PreTraining, "eager", 4 * 3 + 6),
    ):  # fmt: skip
        assert planned_speed.predicted(calibration, kind, done, variant) == seconds
    report = Report(tmp_path / "found.json")
    planned_speed._compare(report, "right", done, 4 * 1.5, tiny=False)
    assert not report.failures
    planned_speed._compare(report, "wrong", done, 4 * 1.3, tiny=False)
    assert report.failures == ["wrong: took 1.54 times as long as planned; at most 1.5, at least 0.67"]


def test_other_bits_of_jobs_that_share_a_device_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = iter([sharing.Together(100.0, {"a"}), sharing.Together(150.0, {"a", "b"})])
    monkeypatch.setattr(sharing, "together", lambda *arguments: next(ended))
    report = Report(tmp_path / "found.json")
    sharing.run(report, Settings(tiny=True))
    assert report.failures == ["2 jobs at once, in turns: other weights or logits than of one job alone"]
    assert "2 jobs at once, in turns: 150 tokens/s, 1.50 times that of one" in report.lines


def test_mps_is_started_for_the_jobs_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a daemon that makes the pipe and writes down how it was called."""
    daemon = tmp_path / sharing.DAEMON
    daemon.write_text(
        "#!/bin/sh\n"
        f'echo "$* $(cat) ${{CUDA_VISIBLE_DEVICES-all}}" >> {tmp_path}/calls\n'
        'if [ "$1" = -d ]; then touch "$CUDA_MPS_PIPE_DIRECTORY/control"; fi\n'
    )
    daemon.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    seen: list[bool] = []

    def together(jobs: int, folder: Path, settings: Settings, environment: dict[str, str]) -> sharing.Together:
        seen.append(gpu_lease.mps_runs(os.environ | environment))
        return sharing.Together(100.0, {"a"})

    monkeypatch.setattr(sharing, "together", together)
    report = Report(tmp_path / "found.json")
    sharing.run(report, Settings())
    assert seen == [False, False, True] and not report.failures
    assert report.values["rounds"][-1]["way"] == "4 jobs at once, under MPS"
    assert (tmp_path / "calls").read_text() == "-d  all\n quit -t 10 all\n"


def test_a_job_that_fails_or_takes_too_long_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second job waits; the first ends with an error or waits, too."""
    program, pid = tmp_path / "program", tmp_path / "pid"
    monkeypatch.setattr(sharing.sys, "executable", str(program))
    monkeypatch.setattr(sharing, "LIMIT", 5)
    for first, message in (("false", "a job ended with status 1"), ("sleep 600", "the jobs took more than 5 s")):
        waits = f"echo $$ > {pid}; exec sleep 600"
        program.write_text(f'#!/bin/sh\ncase "$*" in *"--number 0") sleep 1; exec {first};; *) {waits};; esac\n')
        program.chmod(0o755)
        with pytest.raises(RuntimeError, match=message):
            sharing.together(2, tmp_path, Settings(tiny=True), {})
        assert not Path("/proc", pid.read_text().strip()).exists()


def test_nothing_is_compared_with_a_job_alone_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def together(*arguments: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(sharing, "together", together)
    report = Report(tmp_path / "found.json")
    sharing.run(report, Settings(tiny=True))
    assert report.failures == ["one job alone: RuntimeError: no memory"] and "rounds" not in report.values
