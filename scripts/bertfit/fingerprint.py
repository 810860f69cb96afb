"""Digest of a stage's code, so that a changed formula re-runs the stage and a comment does not.

Snakemake sees a script's modification time and nothing of the modules behind it. Each job therefore carries, as a
parameter, a digest of the syntax trees of its script and of all modules the script reaches: touching a file, comments,
blank lines and docstrings leave it as it is.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]
PACKAGE = Path(__file__).parent.name
# Not part of a stage: what these declare and decide reaches the job as data ...
DATA = frozenset({"spec", "sources", "recipes", "cells"})
# ... and these cannot change a number: messages, files, logs, where a state lies and whose it is, which GPU, how a file
# whose digest is known is fetched.
IGNORED = DATA | {
    *("__init__", "errors", "files", "records", "logs", "progress", "events", "states", "lease", "downloads"),
}


@cache
def stage(script: str, scripts: Path = SCRIPTS) -> str:
    """Digest (16 hexadecimal digits) of ``scripts/<script>.py`` and every module of the package that it reaches.

    A digest listed in ``equivalent.json`` is replaced by the one it was proved equal to (a refactor that leaves the
    golden training bit-identical).
    """
    digest = hashlib.sha256()
    for path in sources(script, scripts):
        digest.update(f"{path.stem}\n{normal_form(path.read_text(encoding='utf-8'))}\n".encode())
    found = digest.hexdigest()[:16]
    equal = scripts / PACKAGE / "equivalent.json"
    return json.loads(equal.read_text(encoding="utf-8")).get(found, found) if equal.exists() else found


def sources(script: str, scripts: Path = SCRIPTS) -> list[Path]:
    """The script and the modules of the package that it reaches through imports, wherever they stand, sorted."""
    entry = scripts / f"{script}.py"
    reached = {entry}
    waiting = [entry]
    while waiting:
        for name in _imports(waiting.pop()) - IGNORED:
            path = scripts / PACKAGE / f"{name}.py"
            if path.exists() and path not in reached:
                reached.add(path)
                waiting.append(path)
    return sorted(reached)


def normal_form(source: str) -> str:
    """Source without comments, docstrings and layout. The same text on Python 3.9 to 3.13 (`ast.dump` is not)."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _imports(path: Path) -> set[str]:
    """Names of modules of the package that one file imports."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # what is imported for annotations alone never runs
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            inside = node.level == 1 or parts[0] == PACKAGE
            if inside:
                parts = [part for part in parts if part and part != PACKAGE]
                names.update(parts[:1] or [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            names.update(alias.name.split(".")[1] for alias in node.names if alias.name.startswith(f"{PACKAGE}."))
    return names
