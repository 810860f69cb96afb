"""How threads of OpenMP wait is set before torch is loaded, whatever program trains; what the user has set stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bertfit
from conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="torch's wheels carry libgomp on Linux only")

PATHS = os.pathsep.join(str(ROOT / name) for name in ("scripts", "tests", "bench"))
# Runs a file up to the first import of torch, if it has one, and says whether bertfit was imported before.
PROBE = """\
import importlib.abc, os, runpy, sys

class Probe(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            end()

def end():
    print("bertfit" in sys.modules, flush=True)
    os._exit(0)

sys.meta_path.insert(0, Probe())
runpy.run_path(sys.argv[1])
print(True)  # torch is not loaded at all
"""
STARTED_BY_HAND = [path for path in sorted((ROOT / "bench").glob("*.py")) if "__main__" in path.read_text()]
TRAINING = ("finetune", "pretrain_encoder", "multitask_encoder", "train_on_features", "run_baseline", "predict")
SCRIPTS = [ROOT / "scripts" / f"{name}.py" for name in TRAINING]
RANKS = """\
import sys
from pathlib import Path
from bertfit.training import distributed
from helpers import ranks_worker
distributed.run(ranks_worker.count, processes=2, folder=Path(sys.argv[1]))
"""


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment that says nothing on waiting but ``variables``."""
    environment = {name: value for name, value in os.environ.items() if name not in bertfit.WAITING}
    environment |= {"PYTHONPATH": PATHS, "OMP_DISPLAY_ENV": "verbose"} | variables
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)


def spin_counts(done: subprocess.CompletedProcess[str]) -> list[int]:
    """What each libgomp that was loaded has read."""
    return [int(count) for count in re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)]


def test_torch_reads_the_bounded_spin_count() -> None:
    assert spin_counts(run("-c", "from bertfit.training import loop")) == [5000]


def test_torch_before_bertfit_spins_long() -> None:
    """The default of libgomp that the tests here would also find if nothing were set in time."""
    assert spin_counts(run("-c", "import torch; from bertfit.training import loop")) == [300_000]


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [("GOMP_SPINCOUNT", "7", 7), ("OMP_WAIT_POLICY", "PASSIVE", 0), ("OMP_WAIT_POLICY", "ACTIVE", 30_000_000_000)],
)
def test_the_users_own_value_wins(name: str, value: str, count: int) -> None:
    code = (
        "import os; from bertfit import WAITING; from bertfit.training import loop; "
        "print(*(name for name in WAITING if name in os.environ))"
    )
    done = run("-c", code, **{name: value})
    assert spin_counts(done) == [count]
    assert done.stdout == f"{name}\n"


def test_ranks_read_it_too(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(RANKS)
    done = run(script, tmp_path)
    assert spin_counts(done) == [5000] * 3, "of the job's process and its ranks"
    assert sorted(done.stdout.splitlines()) == ["rank 0 of 2", "rank 1 of 2"]


@pytest.mark.parametrize("path", [*STARTED_BY_HAND, *SCRIPTS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_bertfit_is_imported_before_torch(path: Path) -> None:
    assert run("-c", PROBE, path).stdout == "True\n"


def test_bertfit_is_imported_before_torch_in_tests() -> None:
    assert any(name in os.environ for name in bertfit.WAITING)
    assert run("-c", PROBE, ROOT / "tests" / "conftest.py").stdout == "True\n"
