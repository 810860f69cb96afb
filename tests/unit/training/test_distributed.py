"""Several ranks, which are processes that talk through gloo, against one; and what happens when one is hurt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file

from bertfit.core import files
from bertfit.training import distributed
from helpers import kill_worker, ranks_worker

TESTS = Path(__file__).parents[2]
WORKER = TESTS / "helpers" / "ranks_worker.py"
SECONDS = 600  # in which a job ends on the busiest machine


# On the CPU, whatever GPUs there are: each rank on CUDA needs a GPU of its own.
ENVIRONMENT = os.environ | {
    "PYTHONPATH": f"{TESTS.parent / 'scripts'}:{TESTS}",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def run(*arguments: object) -> tuple[int, str]:
    """Run a Python script; returns its status and what it and its ranks print. No process is left of it."""
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert_none_is_left(process.pid)
    return process.returncode, output


def assert_none_is_left(session_id: int) -> None:
    """No process of a session lives; one that was killed takes a moment."""
    end = time.monotonic() + 5
    while left := session(session_id):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def session(number: int) -> list[str]:
    """The living processes of a session."""
    living = []
    for process in psutil.process_iter(["name", "status"]):
        try:
            if os.getsid(process.pid) == number and process.info["status"] != psutil.STATUS_ZOMBIE:
                living.append(f"{process.pid} {process.info['name']}")
        except ProcessLookupError:
            pass
    return living


class Trainings:
    """Trains in several ranks, with the inputs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.server = subprocess.Popen(
            [sys.executable, WORKER, "serve", self.log],
            env=ENVIRONMENT | {"TORCH_CPP_LOG_LEVEL": "ERROR"},  # read when torch is imported
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def spawned(self, stage: str, out: str, moment: str = "", noisy: str = "", processes: int = 2) -> tuple[int, str]:
        """Status of the job and its log. Job and ranks are started as in a run of the workflow: seconds."""
        return run(WORKER, stage, self.folder, processes, out, moment, noisy)

    def forked(self, stage: str, out: str, moment: str = "", noisy: str = "", processes: int = 2) -> tuple[int, str]:
        """The same, except that job and ranks are forked from a process that has imported torch."""
        self.server.stdin.write(json.dumps([stage, str(self.folder), processes, out, moment, noisy]) + "\n")
        self.server.stdin.flush()
        pid, status = json.loads(self.server.stdout.readline())
        assert_none_is_left(pid)
        return os.waitstatus_to_exitcode(status), self.log.read_text()


@pytest.fixture(scope="module")
def trainings(tmp_path_factory) -> Iterator[Trainings]:
    folder = tmp_path_factory.mktemp("inputs")
    ranks_worker.make(folder)
    trainings = Trainings(folder)
    yield trainings
    trainings.server.stdin.close()
    assert trainings.server.wait() == 0


def digests(folder: Path) -> dict[str, str]:
    return {path.name: files.sha256(path) for path in folder.iterdir() if path.name in kill_worker.BLOCK_OUTPUTS}


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> tuple[Path, str]:
    """Run `ranks_worker.gradients` in three ranks as a job of Snakemake is, by a script without a guard.

    Returns the folder of its files, and its log.
    """
    folder = tmp_path_factory.mktemp("script")
    path, log = folder / "script.py", folder / "log"
    path.write_text(
        "import sys\nfrom pathlib import Path\nfrom helpers import ranks_worker\n"
        "from bertfit.training import distributed\n"
        f"with open({str(log)!r}, 'w') as sys.stdout:\n"
        f"    distributed.run(ranks_worker.gradients, processes=3, folder=Path({str(folder)!r}))\n"
        "print(__file__, file=sys.__stdout__)\n"
    )
    assert run(path) == (0, f"{path}\n")
    return folder, log.read_text()


def test_a_script_without_a_guard_is_run_once(script):
    """A rank that ran it again would start ranks of its own."""
    _, log = script
    assert sorted(log.splitlines()) == ["rank 0 of 3", "rank 1 of 3", "rank 2 of 3"]


def test_gradients_are_summed_exactly_on_all_ranks(script):
    """Of three ranks, where a division would round; of a parameter that one rank uses; none of one that none uses."""
    folder, _ = script
    for rank in (0, 1, 2):
        results = torch.load(folder / f"gradients{rank}")
        for name in ("used", "of_rank_1", "unused"):
            assert results["weights"][name].eq(0).all(), "rank 0's"
        for step, (used, of_rank_1) in enumerate([(1 + 10 + 100, 10), (2 + 11 + 101, 11)]):
            assert torch.equal(results[step]["used"], used * torch.arange(5.0))
            assert torch.equal(results[step]["of_rank_1"], of_rank_1 * torch.arange(5.0))
            assert results[step]["unused"] is None and results[step]["frozen"] is None


def test_one_process_has_no_wrapper():
    model = ranks_worker.Partly()
    assert distributed.data_parallel(model, model.loss) == model.loss


def test_a_gpu_is_not_shared_by_ranks(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="2 processes, but 1 visible GPUs"):
        distributed.run(ranks_worker.count, processes=2, folder=Path())


def test_fine_tuning_equals_that_of_one_process(trainings):
    """Batches of 6 and, at the end of an epoch, of 1; evaluations of test and validation rows; per-tensor clipping."""
    status, log = trainings.spawned("finetune", "two")
    assert status == 0 and "2 processes" in log and "Warning" not in log, log
    status, log = trainings.forked("finetune", "one", processes=1)
    assert status == 0 and "processes" not in log
    history, other = (pd.read_csv(trainings.folder / out / "history.csv") for out in ("one", "two"))
    np.testing.assert_allclose(history, other, rtol=1e-6)
    one, same = (pd.read_parquet(trainings.folder / out / "predictions.parquet") for out in ("one", "two"))
    np.testing.assert_allclose(np.stack(one["logits"]), np.stack(same["logits"]), atol=2e-6)
    assert not (trainings.folder / "two" / ".state").exists()


def test_pre_training_equals_that_of_one_process(trainings):
    """The encoder at the end and those of steps 4 and 9; global clipping; held-out text."""
    status, log = trainings.forked("pretrain", "two_encoders")
    assert status == 0, log
    status, log = trainings.forked("pretrain", "one_encoder", processes=1)
    assert status == 0, log
    for name in ("at4", "at9", "encoder"):
        one, same = (trainings.folder / out / name for out in ("one_encoder", "two_encoders"))
        np.testing.assert_allclose(
            pd.read_csv(one / "history.csv"), pd.read_csv(same / "history.csv"), rtol=1e-5, equal_nan=True
        )
        weights = load_file(same / "model.safetensors")
        for tensor, expected in load_file(one / "model.safetensors").items():
            np.testing.assert_allclose(weights[tensor], expected, atol=5e-6)


@pytest.fixture(scope="module")
def undisturbed(trainings) -> dict[int, dict[str, str]]:
    """Digests of the results by number of ranks."""
    results = {}
    for processes in (2, 3):
        status, log = trainings.forked("finetune", f"undisturbed {processes}", "", "noisy", processes)
        assert status == 0 and "Warning" not in log, log
        results[processes] = digests(trainings.folder / f"undisturbed {processes}")
    return results


@pytest.mark.parametrize(
    ("moment", "expected", "step"),
    [
        ("SIGTERM rank 0", 143, 8),
        ("SIGTERM rank 1", 143, 8),
        ("SIGTERM evaluation", 143, 10),
        ("SIGINT terminal", 130, None),
        ("SIGUSR1 job", 138, None),
        ("kill rank 0", 1, 6),
    ],
)
def test_stopped_ranks_resume_bit_identically(trainings, undisturbed, moment, expected, step):
    """``step`` is None where it depends on when a signal that is passed on arrives."""
    status, log = trainings.forked("finetune", moment, moment, "noisy")
    assert status == expected and digests(trainings.folder / moment) == {}, log
    if step is None:
        step = int(re.search(r"state saved at step (\d+);", log)[1])
        assert step >= 8
    status, log = trainings.forked("finetune", moment, "", "noisy")
    assert status == 0 and f"seed 3: resuming from step {step} of 20" in log
    assert digests(trainings.folder / moment) == undisturbed[2]


def test_three_ranks_resume_bit_identically(trainings, undisturbed):
    """With three, other than with two, the sum of a gradient depends on which gradients are summed together."""
    status, log = trainings.forked("finetune", "three", "kill job", "noisy", processes=3)
    assert status == -9, log
    status, log = trainings.forked("finetune", "three", "", "noisy", processes=3)
    assert status == 0 and "seed 3: resuming from step 6 of 20" in log
    assert digests(trainings.folder / "three") == undisturbed[3] != undisturbed[2]


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("kill rank 1", "RuntimeError: rank 1 failed: ended by SIGKILL"),
        ("error rank 1", "RuntimeError: broken on purpose"),
        ("error_while_blocked rank 1", "RuntimeError: broken on purpose"),
        ("user_error rank 1", "bertfit.core.errors.UserError: the disk is full"),
    ],
)
def test_a_failed_rank_ends_the_job_and_is_named(trainings, moment, message):
    """The last line of what the job prints."""
    status, log = trainings.forked("finetune", f"failed by {moment}", moment)
    assert status == 1
    assert log.strip().splitlines()[-1] == message
    assert "rank 1 failed" in log or "UserError" in message


def test_a_loss_that_is_not_finite_on_one_rank_is_so_on_all(trainings):
    """The run of that seed has failed on every rank, and the ranks go on with the next seed."""
    status, log = trainings.forked("finetune", "diverged", "diverge rank 1")
    assert status == 0 and "seed 3: loss is nan at step 8 of 20" in log
    record = json.loads((trainings.folder / "diverged" / "run.json").read_text())
    assert record["diverged_at"]["3"] == 8 and len(record["diverged_at"]) == 1 + list(
        record["diverged_at"].values()
    ).count(None)
