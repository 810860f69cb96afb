"""Slurm without accounting (no slurmdbd, or no ``sacct``): arranged or told before the first job is submitted.

The executor plugin (2.8.0) asks ``sacct`` for the user's account and stops where there is no such program; it turns to
``sacct`` where ``squeue`` forgets ended jobs soon, and without accounting then waits for each job forever.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

from bertfit.core.errors import UserError

POLL = 180  # seconds at most between two looks of the plugin at its jobs
LOOKS = 3  # of the plugin, within which ``squeue`` has to show an ended job


def prepare(workflow: Any) -> list[str]:
    """Prepare Snakemake's ``workflow``, whose jobs have not begun, for a cluster without accounting; returns warnings.

    Does nothing unless jobs are run by the Slurm plugin. Raises `UserError` where an ended job would not be noticed.
    """
    settings, executor = workflow.executor_settings, getattr(workflow.scheduler, "_executor", None)
    if not hasattr(settings, "status_command"):
        return []
    program, configuration = shutil.which("sacct") is not None, _configuration()
    if executor and not program and getattr(executor, "_fallback_account_arg", "") is None:
        executor._fallback_account_arg = ""  # sbatch takes that of SBATCH_ACCOUNT, else the user's default
    if program and not configuration.get("AccountingStorageType", "").endswith("/none"):
        return []
    if program:
        _check_status(settings, configuration.get("MinJobAge", ""))
    if settings.efficiency_report:
        settings.efficiency_report = False
        return ["no efficiency report (slurm-efficiency-report): this cluster keeps no accounting"]
    return []


def _check_status(settings: Any, kept: str) -> None:
    """``kept``: how long ``squeue`` shows an ended job, such as ``300 sec``."""
    needed = max(LOOKS * settings.init_seconds_before_status_checks, POLL + 1)
    if settings.status_command != "squeue":
        raise UserError(
            "slurm-status-command: this cluster keeps no accounting, so that sacct knows no job; say squeue"
        )
    seconds = re.match(r"\d+", kept)
    if seconds and int(seconds[0]) < needed:
        raise UserError(
            f"this cluster keeps no accounting, and squeue forgets a job {seconds[0]} s after its end (MinJobAge): it "
            f"would be waited for forever; ask for MinJobAge of at least {needed} s, or use profiles/generic, which "
            "needs neither"
        )


def _configuration() -> dict[str, str]:
    """Slurm's configuration; empty if it does not tell."""
    try:
        shown = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", shown, re.MULTILINE))
