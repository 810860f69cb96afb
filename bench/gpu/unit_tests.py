"""The unit tests that compute on a GPU where there is one, or whose subject differs there."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from gpu.report import Report, Settings

PATHS = ("tests/unit/attention", "tests/unit/model", "tests/unit/training", "tests/unit/batching/test_transfer.py")
IGNORED = ("tests/unit/training/test_distributed.py",)  # on the CPU, and long
FUNCTIONS = {  # runs on the device at hand: equal bits in blocks and after a kill, files, learning
    "tests/unit/stages/test_finetuning.py": (
        "test_a_block_equals_its_seeds_run_singly",
        "test_outputs_can_be_scored_and_the_record_is_whole",
    ),
    "tests/unit/stages/test_feature_runs.py": (
        "test_a_block_equals_its_seeds_run_singly",
        "test_it_learns_and_can_be_scored",
    ),
    "tests/unit/stages/test_pretraining.py": (
        "test_folder_is_a_whole_encoder",
        "test_further_training_starts_from_the_parent_and_learns",
    ),
    "tests/unit/stages/test_other_families.py": (
        "test_a_killed_fine_tuning_resumes_to_the_same_bits",
        "test_masked_language_modelling_learns_and_resumes_to_the_same_bits",
    ),
    "tests/unit/stages/test_replaced_token_detection.py": (
        "test_it_learns_and_a_killed_training_resumes_to_the_same_bits",
    ),
    "tests/unit/repository/test_gpu_check.py": ("test_a_wait_for_the_gpu_is_seen",),
    "tests/unit/stages/test_multitask.py": ("test_history_and_folder", "test_the_encoder_learns_all_corpora"),
}
PROCESSES = 4


class Outcomes:
    """A plugin of pytest that collects what failed."""

    def __init__(self) -> None:
        self.passed = self.skipped = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest for set-up, call and tear-down of each test."""
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Called by pytest for each file."""
        if report.failed:
            self.failed.append(report.nodeid)


def run(report: Report, settings: Settings) -> None:
    """Run the tests with pytest in this process (in `PROCESSES` more, if pytest-xdist is installed)."""
    outcomes = Outcomes()
    arguments = ["-p", "no:cacheprovider", "-rfE", "--tb=short", "--continue-on-collection-errors"]
    arguments += [*(f"--ignore={path}" for path in IGNORED), *PATHS]
    arguments += [f"{path}::{name}" for path, names in FUNCTIONS.items() for name in names]
    if importlib.util.find_spec("xdist") and not settings.tiny:
        arguments += ["--numprocesses", str(PROCESSES), "--dist", "loadfile"]
    status = pytest.main(arguments, plugins=[outcomes])
    report.put(passed=outcomes.passed, skipped=outcomes.skipped, failed=outcomes.failed)
    report.say(f"{outcomes.passed} passed, {outcomes.skipped} skipped, {len(outcomes.failed)} failed")
    for name in outcomes.failed:
        report.fail(name)
    if status and not outcomes.failed:
        report.fail(f"pytest ended with status {int(status)}")
