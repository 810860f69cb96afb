"""Times of jobs in words of the format; what a crate says of jobs is tested with the whole crate (test_run_crate)."""

from __future__ import annotations

import pytest

pytest.importorskip("rocrate", reason="needs rocrate: pip install -r requirements.txt")

from bertfit.crate import described_jobs
from bertfit.provenance.job_runs import JobRun


def test_span_of_the_known_times() -> None:
    known = JobRun("a", (), ("x",), started=1e9, ended=1e9 + 61)
    later = JobRun("b", (), ("y",), started=1e9 + 30, ended=1e9 + 40)
    assert described_jobs.span([known, JobRun("c", (), ("z",)), later]) == (
        "2001-09-09T01:46:40+00:00",
        "2001-09-09T01:47:41+00:00",
    )
    assert described_jobs.span([JobRun("c", (), ("z",))]) == (None, None)
