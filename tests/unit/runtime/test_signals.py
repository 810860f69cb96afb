"""A warning goes through the processes between a cluster's job and its training."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

TRAINING = """
import pathlib, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: (pathlib.Path("told").write_text("told"), sys.exit(3)))
print("trains", flush=True)
time.sleep(60)
"""
# what Snakemake is to it: Python, a shell that does not listen, Python
JOB = """
import subprocess, sys
from bertfit.runtime import signals
signals.pass_on()
sys.exit(subprocess.call(["bash", "-c", f"{sys.executable} training.py; exit $?"]))
"""


def test_a_warning_reaches_the_training_and_kills_nothing_between(tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text(TRAINING)
    command = [sys.executable, "-c", JOB]
    environment = {"PYTHONPATH": str(ROOT / "scripts"), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None and job.stdout.readline() == "trains\n"
        job.send_signal(signal.SIGUSR1)
        assert job.wait(60) == 3, "the status of the training, through the shell"
    assert (tmp_path / "told").read_text() == "told"
