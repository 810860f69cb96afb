"""Mutation testing: changes the code in small ways, one at a time, and counts the changes that no test notices.

Modules and their tests are declared in `mutation.toml`. mutmut lies in an environment of its own, ``.mutation/venv``,
which also sees the packages of the environment that runs this script. Each module is mutated in a copy of the
repository below ``.mutation``. Writes results/bench/mutation.json: for each module the number of mutants by outcome,
and the survivors as differences of the code.

    python bench/mutation.py [MODULE ...] [--children 1]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutation"
MUTMUT = "mutmut==3.8.1"
COPIED = ("tests", "bench", "paper", "studies", "config.yaml", "pyproject.toml")
OUTCOMES = {0: "survived", 1: "killed", 3: "killed", 5: "no tests", 33: "no tests", 34: "skipped"}
"""by the exit status of the tests"""
CRASHED = "timeout or crash"
"""any other exit status: the process hung or crashed, which is noticed, too"""
PYTEST = """\
[pytest]
addopts = -q -p mutation_profile --hypothesis-profile=mutation
pythonpath = . tests bench
markers = workflow
"""
PLUGIN = """\
from hypothesis import settings

settings.register_profile("mutation", deadline=None, derandomize=True)
"""


def main() -> None:
    """Measure the modules of the command line, by default all."""
    declared = tomllib.loads((ROOT / "bench/mutation.toml").read_text(encoding="utf-8"))["modules"]
    parser = argparse.ArgumentParser(description="Mutation testing of the modules in bench/mutation.toml.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as tokens/truncation; default: all")
    parser.add_argument("--children", type=int, default=1, help="mutants tested at the same time (default: 1)")
    arguments = parser.parse_args()
    if unknown := set(arguments.modules) - set(declared):
        parser.error(f"not in bench/mutation.toml: {', '.join(sorted(unknown))}")
    out = ROOT / "results/bench/mutation.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    python = environment()
    for module in arguments.modules or declared:
        measured = measure(python, module, declared[module], arguments.children)
        found = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
        found[module] = measured
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{module}: {found[module]['outcomes']}", flush=True)


def environment() -> Path:
    """The Python of the environment with mutmut, which is made at the first call."""
    python = WORK / "venv/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        shared = WORK / "venv/lib" / version / "site-packages/shared.pth"
        shared.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", MUTMUT], check=True)
    return python


def measure(python: Path, module: str, tests: list[str], children: int) -> dict[str, Any]:
    """Mutate one module and run its tests on each mutant."""
    folder = prepare(module, tests)
    # mutmut finds the tests of a function by the module's name, so the package lies at the top of the copy
    given = os.environ | {"OMP_NUM_THREADS": "1", "BERTFIT_SHARED": str(folder / "none"), "PYTHONPATH": str(folder)}
    start = time.monotonic()
    with open(folder / "mutmut.log", "w", encoding="utf-8") as log:
        run = [str(python), "-m", "mutmut", "run", "--max-children", str(children)]
        subprocess.run(run, cwd=folder, env=given, stdout=log, stderr=subprocess.STDOUT, check=False)
    seconds = time.monotonic() - start
    path = folder / f"mutants/bertfit/{module}.py.meta"
    if not path.is_file():
        sys.exit(f"mutmut failed; see {folder / 'mutmut.log'}")
    codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    outcomes = {name: "not run" if code is None else OUTCOMES.get(code, CRASHED) for name, code in codes.items()}
    left = {}
    for name, outcome in outcomes.items():
        if outcome not in ("killed", CRASHED):
            show = [str(python), "-m", "mutmut", "show", name]
            done = subprocess.run(show, cwd=folder, env=given, text=True, stdout=subprocess.PIPE, check=False)
            left[name] = done.stdout
    return {"mutants": len(codes), "outcomes": Counter(outcomes.values()), "seconds": round(seconds), "left": left}


def prepare(module: str, tests: list[str]) -> Path:
    """A copy of what the tests need, configured for one module."""
    folder = WORK / module.replace("/", ".")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "scripts/bertfit", folder / "bertfit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    (folder / "mutation_profile.py").write_text(PLUGIN, encoding="utf-8")
    files = [f"tests/unit/{test}" for test in tests]
    (folder / "pytest.ini").write_text(PYTEST, encoding="utf-8")
    values = {
        "source_paths": ["bertfit"],
        "only_mutate": [f"bertfit/{module}.py"],
        "also_copy": [*COPIED, "pytest.ini", "mutation_profile.py"],
        "pytest_add_cli_args_test_selection": files,
    }
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    (folder / "pyproject.toml").write_text(f"[tool.mutmut]\n{settings}\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
