"""Several ranks, which are processes that talk through gloo, against one; and what happens when one is hurt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from bertfit.core import files
from helpers import kill_worker, ranks_worker

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    ranks_worker.make(folder)
    return folder


ENVIRONMENT = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'scripts'}:{TESTS}", "OMP_NUM_THREADS": "1"}


def two(stage: str, folder: Path, out: str, moment: str = "", noisy: str = "") -> tuple[int, str]:
    """Train in two ranks; returns the status of rank 0 and its log."""
    command = [sys.executable, TESTS / "helpers" / "ranks_worker.py", stage, folder, "2", out, moment, noisy]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def digests(folder: Path) -> dict[str, str]:
    return {path.name: files.sha256(path) for path in folder.iterdir() if path.name in kill_worker.FINETUNE_OUTPUTS}


def test_a_script_without_a_guard_is_run_once(tmp_path):
    """As Snakemake's scripts are: a rank that ran it again would start ranks of its own."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from helpers import ranks_worker\nfrom bertfit.training import distributed\n"
        "distributed.run(ranks_worker.meet, processes=2, folder=Path(sys.argv[1]))\nprint(__file__)\n"
    )
    done = subprocess.run([sys.executable, script, tmp_path], env=ENVIRONMENT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{script}\n"), done.stderr
    assert [(tmp_path / f"met{rank}").read_text() for rank in (0, 1)] == ["2.0", "2.0"]


def test_fine_tuning_equals_that_of_one_process(folder, monkeypatch):
    """Batches of 6 and, at the end of an epoch, of 1; evaluations of test and validation rows; per-tensor clipping."""
    status, log = two("finetune", folder, "two")
    assert status == 0 and "2 processes" in log
    monkeypatch.setattr(kill_worker, "RECIPE", ranks_worker.RECIPE)
    kill_worker.finetune(folder, folder / "one")
    history, other = (pd.read_csv(folder / out / "history.csv") for out in ("one", "two"))
    np.testing.assert_allclose(history, other, rtol=1e-6)
    one, same = (pd.read_parquet(folder / out / "predictions.parquet") for out in ("one", "two"))
    np.testing.assert_allclose(np.stack(one["logits"]), np.stack(same["logits"]), atol=2e-6)
    assert not (folder / "two" / "state").exists()


def test_pre_training_equals_that_of_one_process(folder, monkeypatch):
    """The encoder at the end and those of steps 4 and 9; global clipping; held-out text."""
    status, log = two("pretrain", folder, "two_encoders")
    assert status == 0, log
    monkeypatch.setattr(kill_worker, "PRETRAIN", ranks_worker.PRETRAIN)
    kill_worker.pretrain(folder, folder / "one_encoder")
    for name in ("at4", "at9", "encoder"):
        one, same = (folder / out / name for out in ("one_encoder", "two_encoders"))
        np.testing.assert_allclose(
            pd.read_csv(one / "history.csv"), pd.read_csv(same / "history.csv"), rtol=1e-5, equal_nan=True
        )
        weights = load_file(same / "model.safetensors")
        for tensor, expected in load_file(one / "model.safetensors").items():
            np.testing.assert_allclose(weights[tensor], expected, atol=5e-6)


@pytest.fixture(scope="module")
def undisturbed(folder) -> dict[str, str]:
    status, log = two("finetune", folder, "undisturbed", "", "noisy")
    assert status == 0, log
    return digests(folder / "undisturbed")


@pytest.mark.parametrize(
    ("moment", "expected", "step"),
    [("SIGTERM rank 0", 143, 8), ("SIGTERM rank 1", 143, 8), ("SIGTERM evaluation", 143, 10), ("kill rank 0", -9, 6)],
)
def test_ranks_that_were_stopped_go_on_to_the_same_bits(folder, undisturbed, moment, expected, step):
    status, log = two("finetune", folder, moment, moment, "noisy")
    assert status == expected and digests(folder / moment) == {}
    status, log = two("finetune", folder, moment, "", "noisy")
    assert status == 0 and f"seed 3: going on from step {step} of 20" in log
    assert digests(folder / moment) == undisturbed


@pytest.mark.parametrize("moment", ["kill rank 1", "error rank 1"])
def test_a_failed_rank_ends_the_job_and_is_named(folder, moment):
    status, log = two("finetune", folder, f"failed by {moment}", moment)
    assert status == 1
    assert "rank 1 failed" in log and ("broken on purpose" in log or "SIGKILL" in log)


def test_a_loss_that_is_not_finite_on_one_rank_stops_all(folder):
    status, log = two("finetune", folder, "diverged", "diverge rank 1")
    assert status == 1 and "loss is nan at step 7 of 20" in log
