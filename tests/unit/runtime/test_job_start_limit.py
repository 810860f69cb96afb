"""Snakemake's limit of job starts: that of the user is kept, Snakemake's own is lifted."""

from __future__ import annotations

from types import SimpleNamespace

from snakemake.scheduling.job_scheduler import JobRateLimiter
from snakemake.settings.types import MaxJobsPerTimespan

from bertfit.runtime import job_start_limit


def limited(text: str) -> SimpleNamespace:
    return SimpleNamespace(job_rate_limiter=JobRateLimiter(MaxJobsPerTimespan.parse_choice(text)))


def test_only_snakemakes_default_is_lifted() -> None:
    scheduler = limited("100/1s")
    job_start_limit.lift(scheduler)
    assert scheduler.job_rate_limiter is None
    for text in ("100/1m", "10/1s"):
        scheduler = limited(text)
        job_start_limit.lift(scheduler)
        assert scheduler.job_rate_limiter is not None
    for scheduler in (SimpleNamespace(job_rate_limiter=None), SimpleNamespace()):  # of a dry run; of a later version
        before = vars(scheduler).copy()
        job_start_limit.lift(scheduler)
        assert vars(scheduler) == before
