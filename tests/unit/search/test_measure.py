"""Runs of candidates on validation data: their scores, the evaluation that counts, and leads with intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bertfit.evaluation.predictions import Evaluation
from bertfit.search import measure
from bertfit.search.search_record import Trained
from helpers.evaluations import write_run


def made(root: Path, patience: int | None = None, epochs: float = 2) -> Path:
    """A run whose error is 25 % after step 10 and 50 % at the end, after two epochs."""
    folder = root / "runs" / "a"
    write_run(folder, [(1, 10, 25.0, None), (1, 20, 50.0, None)], {(1, 10): [0], (1, 20): [0, 1]})
    record = {
        "cost": {"seconds": 12.5, "peak_memory_bytes": {"process": 1}},
        "spec": {"recipe": {"patience": patience, "epochs": epochs}},
    }
    known = {
        "code": "c", "inputs": {}, "versions": {}, "machine": {"system": "s", "device": "d", "processes": 1}
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(known | record))
    return folder


@pytest.mark.parametrize(
    ("patience", "epochs", "error", "ended"), [(None, 2, 0.5, 2.0), (2, 2, 0.5, 2.0), (2, 4, 0.25, 1.0)]
)
def test_the_last_evaluation_counts_and_of_a_run_that_stopped_early_the_best(
    tmp_path: Path, patience: int | None, epochs: float, error: float, ended: float
) -> None:
    made(tmp_path, patience, epochs)
    run = Trained(candidate="a", title="A", encoder="base", recipe="r", epochs=2, folder="runs/a")
    found = measure.run(run, 3, tmp_path)
    assert (found.error, found.ended, found.round, found.seconds) == (error, ended, 3, 12.5)
    assert found.low < error < found.high and found.pretraining_seconds == 0
    assert found.macro_f1 == pytest.approx({0.5: 0.5, 0.25: (2 / 3 + 4 / 5) / 2}[error])


@pytest.mark.parametrize("stage", ["s1", "each"])
def test_the_pretraining_of_the_seed_counts(tmp_path: Path, stage: str) -> None:
    """Also where every seed has its own (`stage_seeds: each`), whose id is no folder."""
    folder = made(tmp_path)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"spec": record["spec"] | {"seeds": [1]}}))
    (tmp_path / "encoders/base~own@10.s1").mkdir(parents=True)
    pretrained = json.dumps(record | {"cost": record["cost"] | {"seconds": 3}})
    (tmp_path / "encoders/base~own@10.s1/run.json").write_text(pretrained)
    run = Trained(candidate="a", title="A", encoder=f"base~own@10.{stage}", recipe="r", epochs=2, folder="runs/a")
    found = measure.run(run, 1, tmp_path)
    assert (found.seconds, found.pretraining_seconds) == (12.5, 3)


def test_a_run_that_diverged_is_measured_by_its_constant_guess(tmp_path: Path) -> None:
    """Not by the evaluation before, as a run with patience that stopped early is."""
    folder = made(tmp_path, patience=2, epochs=4)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"diverged_at": {"1": 20}}))
    history = pd.read_csv(folder / "history.csv")
    history.assign(loss=[0.5, np.nan]).to_csv(folder / "history.csv", index=False)
    run = Trained(candidate="a", title="A", encoder="base", recipe="r", epochs=4, folder="runs/a")
    found = measure.run(run, 1, tmp_path)
    assert (found.error, found.ended, found.diverged_at) == (0.5, 2.0, 20)


def evaluation(wrong: int, size: int = 200) -> Evaluation:
    """Two classes in turn; the first ``wrong`` texts are wrong."""
    labels = (np.arange(size) % 2).astype(np.int32)
    answers = np.where(np.arange(size) < wrong, 1 - labels, labels)
    return Evaluation(1, 1, 1.0, labels, np.eye(2, dtype=np.float32)[answers])


def test_a_lead_is_paired() -> None:
    """20 texts against 40, of which 20 are wrong in both: the interval is that of 20 of 200 discordant texts."""
    value, low, high = measure.difference(evaluation(20), evaluation(40), "error")
    assert value == pytest.approx(0.1)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 200)
    assert (low, high) == (pytest.approx(0.1 - half, abs=0.015), pytest.approx(0.1 + half, abs=0.015))
    value, low, high = measure.difference(evaluation(20), evaluation(20), "error")
    assert value == 0 and low == pytest.approx(-high) and 0.005 < high < 0.03, "no difference seen in 200 texts"
    assert measure.difference(evaluation(20), evaluation(40), "macro_f1")[0] == pytest.approx(0.1, abs=0.001)
