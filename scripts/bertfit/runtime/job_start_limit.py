"""Snakemake's limit of job starts (``--max-jobs-per-timespan``), which costs more than it saves."""

from __future__ import annotations

from typing import Any

DEFAULT = (100, 1)
"""Snakemake's: 100 jobs in 1 second"""


def lift(scheduler: Any) -> None:
    """Lift the limit of Snakemake's ``scheduler``, as a program that calls Snakemake has none, unless the user set it.

    To be called before the first job starts. As long as any job waits for a free core, each round of scheduling of
    Snakemake 9.27 starts a timer for another round a timespan later, with a timer of its own: after n jobs n threads,
    and n rounds a second. A longer timespan means fewer rounds, but Snakemake ends only when the last timer has.
    """
    limit = getattr(scheduler, "job_rate_limiter", None)
    if limit is not None and (limit.max_jobs, limit.timespan) == DEFAULT:
        scheduler.job_rate_limiter = None
