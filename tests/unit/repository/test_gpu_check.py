"""`make gpu-check`, tried on the CPU with tiny shapes; its record, by value; parts that fail or take too long."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import finetuning
import gpu_check
import lengths
from bertfit.model import dropout
from bertfit.training import devices
from conftest import ROOT
from gpu import families, reproducible, speed, step_profile, training, trec, unit_tests
from gpu.report import Report, Settings
from helpers import small_encoders

ABSENT = ("datasets", "snakemake", "spacy")
PARTS = ("environment", "speed", "reproducible", "families", "plan", "sharing", "several")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """The folder of a check that has run where packages are absent that it must not need."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({ABSENT}))\n")
    paths = os.pathsep.join(map(str, (folder, ROOT / "scripts", ROOT / "tests")))
    command = [sys.executable, str(ROOT / "bench/gpu_check.py"), "--tiny", "--threads", "1", "--limit-factor", "4"]
    done = subprocess.run(
        [*command, "--out", str(folder / "out"), "--parts", *PARTS],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith((folder / "out/summary.txt").read_text())
    return folder / "out"


@pytest.fixture(scope="module")
def record(out: Path) -> dict:
    return json.loads((out / "record.json").read_text())


def values(record: dict, part: str) -> dict:
    return record["parts"][part]["values"]


def test_every_part_passes_and_has_a_log(out: Path, record: dict) -> None:
    assert {name: part["outcome"] for name, part in record["parts"].items()} == dict.fromkeys(PARTS, "passed")
    assert {path.name for path in out.iterdir()} == {"summary.txt", "record.json", *(f"{name}.log" for name in PARTS)}
    assert record["tiny"] and record["machine"]["threads"] == 1
    assert all(0 < part["seconds"] < part["limit_seconds"] for part in record["parts"].values())


def test_environment(record: dict) -> None:
    found = values(record, "environment")
    assert found["device"] == "cpu" and found["versions"]["torch"][0].isdigit()
    missing = found["not_importable"]
    assert all(any(name in reason for name in ABSENT) for reason in missing.values())
    assert not [module for module in missing if module.startswith(("bertfit.stages", "bertfit.training"))]
    assert found["product_dtype"] == "float32", "bfloat16 only on a GPU"
    assert all(found[name] > 0 for name in ("product_flops", "copy_bytes_per_second", "launch_us"))


def test_speed_counts_real_tokens(record: dict, tmp_path: Path) -> None:
    """Of ours as many as the loop counted: the lengths of the texts that were drawn, in the second pass."""
    runs = {(run["workload"], run["side"]): run for run in values(record, "speed")["runs"]}
    for profile in ("imdb", "trec"):
        data = lengths.corpus(profile, finetuning.TEXTS[profile])
        inputs = finetuning.Inputs(profile, speed.TINY_SHAPE, data, None, tmp_path)
        for side, chosen in {
            "ours (eager)": finetuning.our_batches(inputs, 0, 2),
            "Trainer (0 loading processes)": finetuning.their_batches(inputs, "group", 0, 2),
        }.items():
            run = runs.pop((f"fine-tuning, {profile} lengths", side))
            assert run["batch_tokens"] == [inputs.sizes[rows].sum() for rows in chosen]
            assert run["tokens"] == sum(run["batch_tokens"])
    assert {side for _, side in runs} == {"ours (eager)", "Trainer (0 loading processes)"}
    for run in runs.values():
        assert run["workload"] == "pre-training 4 x 32" and run["batch_tokens"] == [128, 128] and run["tokens"] == 256


def test_figures_of_a_run_agree(record: dict) -> None:
    found = values(record, "speed")
    for run in found["runs"]:
        assert run["ms_per_step"] * run["tokens_per_second"] * run["steps"] / 1e3 == pytest.approx(run["tokens"])
        assert run["flops"] == pytest.approx(run["of_product"] * found["product_flops"]) and run["of_product"] > 0
    assert [compared["name"].partition(":")[0] for compared in found["comparisons"]] == [
        "fine-tuning, imdb lengths", "fine-tuning, trec lengths", "pre-training 4 x 32",
    ]  # fmt: skip


def test_parts_of_a_step(record: dict) -> None:
    steps = values(record, "speed")["steps"]
    assert len(steps) == 6, "ours and theirs of three workloads"
    assert all(step["operator_calls"] > 500 and step["wall_ms"] > 0 and step["waits"] is None for step in steps)


def test_trainings_repeat_to_the_bit(record: dict) -> None:
    trainings = values(record, "reproducible")["trainings"]
    assert [training["same_bits"] for training in trainings] == [True] * 3
    assert {training["way"]: training["resumed_from"] for training in trainings} == {
        "run twice": 0, "stopped by SIGTERM and resumed": 10, "killed by SIGKILL and resumed": 8,
    }  # fmt: skip


def test_every_family_ends_with_the_same_bits_twice(record: dict) -> None:
    steps = values(record, "families")["steps"]
    assert {step["family"] for step in steps} | {*families.SAME_MODULES} == {*small_encoders.OTHERS}
    assert all(step["same_bits"] and step["ms_per_step"] > 0 and step["waits"] is None for step in steps)


def test_the_plan_is_compared_with_trainings(record: dict) -> None:
    found = values(record, "plan")
    assert found["calibration"]["device_type"] == "cpu" and found["calibration"]["size"] == "2 layers of 64"
    names = [f"fine-tuning, {profile} lengths, eager" for profile in ("trec", "ag", "imdb")]
    assert [each["name"] for each in found["predictions"]] == [*names, "pre-training 4 x 32, eager"]
    for each in found["predictions"]:
        assert each["ratio"] == pytest.approx(each["measured_ms"] / each["planned_ms"]) and each["ratio"] > 0


def test_jobs_that_share_a_device_end_as_one_alone(record: dict) -> None:
    alone, together = values(record, "sharing")["rounds"]
    assert (alone["jobs"], together["jobs"]) == (1, 2) and together["same_bits"]
    assert together["way"] == "2 jobs at once, in turns" and together["tokens_per_second"] > 0


def test_ranks_end_as_one_process_does(record: dict) -> None:
    found = values(record, "several")
    assert found["gpus"] == 2 and found["same_bits"] and 0 < found["distance_of_several"] <= found["limit"]
    assert found["limit"] == pytest.approx(1e-3 * found["moved"]) and found["distance_of_one"] == 0, "float32 on a CPU"
    assert [each["gpus"] for each in found["speeds"]] == [1, 2]


@pytest.mark.usefixtures("cpu")
def test_draws_that_depend_on_the_past_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropout.Noise, "reseed", lambda *arguments: None)
    whole, again = (reproducible._run(True, training.OPTIONS["eager"], tmp_path / name) for name in ("a", "b"))
    stopped = reproducible._stopped(True, training.OPTIONS["eager"], tmp_path / "stopped")
    assert (whole.resumed_from, stopped.resumed_from) == (0, 10)
    assert whole == again and whole.digest != stopped.digest


BROKEN = {
    "raises": 'def run(report, settings):\n    report.put(number=1)\n    raise ValueError("on purpose")\n',
    "fails": 'def run(report, settings):\n    report.attempt("this", lambda: 1 / 0)\n    report.say("goes on")\n',
    "slow": "import time\ndef run(report, settings):\n    time.sleep(600)\n",
    "absent": 'def run(report, settings):\n    report.skip("no data")\n',
}


def test_a_part_that_ends_badly_costs_the_others_nothing(tmp_path, monkeypatch, capsys) -> None:
    for name, code in BROKEN.items():
        (tmp_path / f"part_{name}.py").write_text(code)
    seconds = {"slow": 1}
    entries = {name: gpu_check.Entry(f"part_{name}", seconds.get(name, 300)) for name in BROKEN}
    monkeypatch.setattr(gpu_check, "PARTS", entries)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert gpu_check.main(["--tiny", "--out", str(tmp_path / "out")]) == 1
    parts = json.loads((tmp_path / "out/record.json").read_text())["parts"]
    outcomes = {name: part["outcome"] for name, part in parts.items()}
    assert outcomes == {"raises": "failed", "fails": "failed", "slow": "out of time", "absent": "skipped"}
    assert parts["raises"]["values"] == {"number": 1}, "what was found before"
    assert parts["fails"]["failures"] == ["this: ZeroDivisionError: division by zero"]
    summary = capsys.readouterr().out
    assert "ended with status 1: see raises.log" in summary and "   goes on\n" in summary
    assert "on purpose" in (tmp_path / "out/raises.log").read_text()


def test_tests_that_the_check_runs_are_there() -> None:
    assert all((ROOT / path).exists() for path in (*unit_tests.PATHS, *unit_tests.IGNORED))
    for path, names in unit_tests.FUNCTIONS.items():
        source = (ROOT / path).read_text()
        assert not [name for name in names if f"\ndef {name}(" not in source]


def test_every_test_that_needs_a_gpu_is_one_of_them() -> None:
    """A file of which a test is left out without a GPU is run whole, or this test by name."""
    needing = {}
    for path in (ROOT / "tests/unit").rglob("test_*.py"):
        source = path.read_text()
        if re.search(r"skipif\((\s|not )*(torch\.cuda\.is_available|devices\.default_device\(\)\.type !=)", source):
            needing[path.relative_to(ROOT).as_posix()] = source
    assert {"tests/unit/attention/test_flash_attention.py", "tests/unit/batching/test_transfer.py"} < needing.keys()
    for path, source in needing.items():
        if not path.startswith(unit_tests.PATHS):
            marked = re.findall(r"@pytest\.mark\.skipif\(.*\)\n(?:@.*\n)*def (\w+)", source)
            assert marked == [*unit_tests.FUNCTIONS[path]], path
    assert not needing.keys() & {*unit_tests.IGNORED}


def test_real_text_is_found_or_skipped(tmp_path: Path) -> None:
    report = Report(tmp_path / "found.json")
    trec.run(report, Settings(data=tmp_path))
    assert report.skipped and json.loads(report.path.read_text())["skipped"] == report.skipped
    (tmp_path / "trec").mkdir()
    for split in ("train", "test"):
        assert trec.find(tmp_path) is None
        (tmp_path / "trec" / f"{split}.parquet").touch()
    assert trec.find(tmp_path) == {split: tmp_path / "trec" / f"{split}.parquet" for split in ("train", "test")}


@pytest.mark.skipif(devices.default_device().type != "cuda", reason="needs a GPU")
def test_a_wait_for_the_gpu_is_seen() -> None:
    import torch

    number = torch.ones((), device="cuda")
    assert step_profile.waits(lambda: number + 1) == {}
    (place,) = step_profile.waits(number.item)
    assert step_profile.waits(number.item)[place] == 1
