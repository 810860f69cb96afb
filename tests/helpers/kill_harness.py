"""Kills a training at a chosen moment, lets a second process finish it, and reports what came of it.

Both are forked, so that torch and transformers are imported once. Between the two the outputs are deleted, as Snakemake
does it after a failed job.
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertfit.core import files
from bertfit.training import checkpoint, loop, optimizer

TESTS = Path(__file__).parents[1]


class Stage(NamedTuple):
    """A stage of training that is to be killed."""

    make: Callable[[Path], object]
    """writes the inputs into a folder"""
    work: Callable[[Path, Path], None]
    """trains with the inputs of one folder and writes into another, its resume state into ``.state`` there"""
    outputs: Sequence[str]
    """files below the second folder"""
    moments: dict[str, Callable[[], None]]
    """name -> what arranges a signal at that moment before ``work`` is called; nothing for "undisturbed" """
    save_steps: int = 3
    """steps between two checkpoints"""


# ------------------------------------------------------------------------------------------ moments


def kill(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


def terminate() -> None:
    kill(signal.SIGTERM)


def interrupt() -> None:
    kill(signal.SIGINT)


def warn() -> None:
    kill(signal.SIGUSR1)


def on_call(owner: object, name: str, call: int, action: Callable[[], None], after: bool = False) -> None:
    """Do ``action`` at (or right after) the call number ``call``, from 1, of ``owner.name``."""
    original = getattr(owner, name)
    count = [0]

    def replaced(*arguments, **named):
        count[0] += 1
        if count[0] == call and not after:
            action()
        result = original(*arguments, **named)
        if count[0] == call and after:
            action()
        return result

    setattr(owner, name, replaced)


def half_written() -> None:
    """Be killed in the middle of the writing of a state file."""

    def half(tensors: object, path: Path, meta: object) -> None:
        path.write_bytes(b"half")
        kill()

    checkpoint.save_file = half


def at_random(task: type, steps: int, saved: tuple[int, ...]) -> dict[str, Callable[[], None]]:
    """Kills before and after the gradients of random steps, of runs that save their state at random intervals.

    The steps are drawn from a seed, and the names of these moments begin with "random".
    """
    draw = random.Random(20190514)

    def arm(owner: type, name: str, step: int, every: int) -> Callable[[], None]:
        def armed() -> None:
            os.environ[loop.SAVE_STEPS] = str(every)
            on_call(owner, name, step, kill, after=True)

        return armed

    moments = {}
    for owner, name in ((task, "loss"), (optimizer.BertAdam, "step"), (task, "loss"), (optimizer.BertAdam, "step")):
        step, every = draw.randint(2, steps), draw.choice(saved)
        moments[f"random {name} {step} every {every}"] = arm(owner, name, step, every)
    return moments


# ------------------------------------------------------------------------------------------ children


def fork(work: Callable[[], None]) -> tuple[int, int]:
    """Fork, work, and return process id and wait status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)
    try:
        work()
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def kill_and_finish(stage: Stage, inputs: Path, out: Path, arm: Callable[[], None]) -> dict[str, Any]:
    """Train in a child for which ``arm`` arranges a signal, then in a second one if the first did not come to its end.

    Returns ``signal`` (that killed the first, 0: none), ``exit`` (its status, None: killed), ``left`` and ``state``
    (outputs and files of the resume state that it left), ``log`` (of the second), ``digests`` (SHA-256 of the outputs)
    and ``state left`` (whether there is resume state at the end).
    """

    def first() -> None:
        arm()
        stage.work(inputs, out)

    def second() -> None:
        stream = io.StringIO()
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[logging.StreamHandler(stream)])
        stage.work(inputs, out)
        (out / "log").write_text(stream.getvalue())

    _, status = fork(first)
    left = [name for name in stage.outputs if (out / name).exists()]
    state = sorted(path.name for path in (out / ".state").glob("*"))
    if status:
        for name in left:
            shutil.rmtree((out / name).parent, ignore_errors=True) if "/" in name else (out / name).unlink()
        assert fork(second)[1] == 0, out.name
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "left": left,
        "state": state,
        "log": (out / "log").read_text() if status else "",
        "digests": [files.sha256(out / name) for name in stage.outputs],
        "state left": (out / ".state").exists(),
    }


def write_report(stage: Stage, folder: Path) -> None:
    """Write FOLDER/report.json: what `kill_and_finish` returns of each moment."""
    os.environ[loop.SAVE_STEPS] = str(stage.save_steps)
    stage.make(folder)
    report = {
        moment: kill_and_finish(stage, folder, folder / moment.replace(" ", "_"), arm)
        for moment, arm in stage.moments.items()
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1))


def report(name: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Let ``kill_worker`` write the report of a stage, in a process of its own, which may fork; returns it."""
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'scripts'}:{TESTS}", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, TESTS / "helpers" / "kill_worker.py", name, folder], check=True, env=environment)
    return json.loads((folder / "report.json").read_text())


def assert_resumed_bit_identically(reports: dict[str, dict[str, Any]], moment: str) -> None:
    """After a kill at ``moment`` the second process has made the outputs of an undisturbed run, and left no state."""
    assert reports[moment]["digests"] == reports["undisturbed"]["digests"]
    assert not reports[moment]["state left"]


def assert_killed_at_random(reports: dict[str, dict[str, Any]], count: int) -> None:
    """The same for the ``count`` moments of `at_random`."""
    moments = [name for name in reports if name.startswith("random")]
    assert len(moments) == count
    for moment in moments:
        assert reports[moment]["signal"] == 9 and "resuming from step" in reports[moment]["log"]
        assert_resumed_bit_identically(reports, moment)
