"""A pytest plugin for environments without torch (``-p helpers.without_torch``): tests that import it are skipped.

Any other error stays one. tests/workflow/test_other_python.py uses it where torch has no build for a Python.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator

import pytest

MESSAGE = "No module named 'torch'"
REASON = "torch is not installed"


def lacks_torch(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is that there is no torch: here or in a process that was started."""
    if error is None:
        return False
    here = isinstance(error, ModuleNotFoundError) and error.name == "torch"
    started = isinstance(error, subprocess.CalledProcessError) and MESSAGE in f"{error.stdout}{error.stderr}"
    return here or started or lacks_torch(error.__cause__ or error.__context__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip a test that imports torch while it runs, or asks for its version."""
    report = yield
    if call.excinfo and lacks_torch(call.excinfo.value):
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, REASON)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a file of tests that imports torch."""
    report = yield
    if report.failed and f"ModuleNotFoundError: {MESSAGE}" in report.longreprtext:
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, REASON)
    return report
