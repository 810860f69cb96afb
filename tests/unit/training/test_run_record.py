from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import bertfit
from bertfit.runtime import hardware
from bertfit.runtime.rule_job import JobIdentity
from bertfit.training import run_record


def test_a_record_says_what_repeats_the_job(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("x")
    job, cost = JobIdentity("c0de", {"lr": 1e-5}), {"seconds": 2.5}
    record = run_record.record(job, inputs={"train": tmp_path / "train"}, device=torch.device("cpu"), cost=cost)
    assert record["code"] == "c0de" and record["spec"] == {"lr": 1e-5}
    digest = hashlib.sha256(b"x").hexdigest()
    assert record["inputs"] == {"train": {"path": str(tmp_path / "train"), "sha256": digest}}
    packages = {name: version(name) for name in run_record.PACKAGES}
    assert record["versions"] == {"bertfit": bertfit.__version__, "python": platform.python_version(), **packages}
    assert record["machine"]["processes"] == 1 and record["machine"]["device"]
    assert record["cost"]["seconds"] == 2.5
    assert 10**7 < record["cost"]["peak_memory_bytes"]["process"] < 10**11  # bytes, not kibibytes


def test_the_text_of_a_record_is_readable_json(tmp_path: Path) -> None:
    text = run_record.text({"title": "Übersicht", "path": tmp_path})
    assert "Übersicht" in text and text.endswith("\n") and json.loads(text)["path"] == str(tmp_path)


def test_on_a_gpu_a_record_says_with_which_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92000)
    monkeypatch.setattr(hardware, "driver", lambda: "580.65.06")
    found = run_record.versions(torch.device("cuda"))
    assert list(found.items())[-3:] == [("cuda", "13.0"), ("cudnn", "92000"), ("driver", "580.65.06")]
    monkeypatch.setattr(hardware, "driver", lambda: None)
    assert "driver" not in run_record.versions(torch.device("cuda"))
    assert "cuda" not in run_record.versions(torch.device("cpu"))


def test_cost_of_a_block_is_that_of_its_seeds() -> None:
    energy = {"gpu_kwh": 1.0, "cpu_kwh": 0.5, "gpu_method": "g", "cpu_method": "c", "estimated": False}
    seeds = {
        seed: {"steps": 2, "tokens": 10 * seed, "seconds": 2.0, "energy": {**energy, "cpu_seconds": seed}}
        for seed in (1, 2)
    }
    cost = run_record.block_cost(seeds, threads=3)
    assert (cost["tokens"], cost["seconds"], cost["tokens_per_second"], cost["threads"]) == (30, 4.0, 7.5, 3)
    assert cost["energy"] == {**energy, "gpu_kwh": 2.0, "cpu_kwh": 1.0, "cpu_seconds": 3.0, "watts_per_core": None}
    assert list(cost["seeds"]) == ["1", "2"] and "step" not in cost
    assert run_record.block_cost({1: {**seeds[1], "step": "graphs"}}, 1)["step"] == "graphs"
