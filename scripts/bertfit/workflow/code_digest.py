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

SCRIPTS = Path(__file__).parents[2]
PACKAGE = "bertfit"
# Not part of a stage: what these declare and decide reaches the job as data. That goes for `job_specs` and
# `summary_specs`, too, through which jobs read their values: they hold fields alone, and what is done with a field is a
# formula in a module that counts. A default that is edited there changes the values written, and so the parameter ...
DATA = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        *("config.corpus_schema", "config.hyperparameters", "config.reasons", "config.study_schema"),
        *("experiments.cells", "experiments.job_specs", "experiments.summary_specs"),
    )
)
# ... and these cannot change a number: messages, files, logs, where a state lies and whose it is, which GPU, how a file
# whose digest is known is fetched.
IGNORED = DATA | {
    f"{PACKAGE}.{name}"
    for name in (
        *(
            "core.errors",
            "core.files",
            "core.hub_download",
            "runtime.exclusive",
            "runtime.gpu_lease",
            "runtime.job_log",
        ),
        *("runtime.progress", "runtime.resume_state", "runtime.rule_job", "runtime.tensorboard"),
        "training.run_record",
    )
}


@cache
def stage(script: str, scripts: Path = SCRIPTS) -> str:
    """Digest (16 hexadecimal digits) of ``scripts/<script>.py`` and every module of the package that it reaches.

    A digest listed in ``equivalent.json`` is replaced by the one it was proved equal to (a refactor that leaves the
    golden training bit-identical).
    """
    digest = hashlib.sha256()
    for name, path in sources(script, scripts).items():
        digest.update(f"{name}\n{normal_form(path.read_text(encoding='utf-8'))}\n".encode())
    found = digest.hexdigest()[:16]
    equal = scripts / PACKAGE / "equivalent.json"
    return json.loads(equal.read_text(encoding="utf-8")).get(found, found) if equal.exists() else found


def sources(script: str, scripts: Path = SCRIPTS) -> dict[str, Path]:
    """The script and the modules that it reaches through imports, wherever they stand: dotted name -> file, sorted.

    The ``__init__.py`` of folders do not count: they hold a docstring.
    """
    reached = {script: scripts / f"{script}.py"}
    waiting = [script]
    while waiting:
        module = waiting.pop()
        for name in _imports(reached[module], module) - IGNORED - reached.keys():
            path = scripts.joinpath(*name.split(".")).with_suffix(".py")
            if path.is_file():
                reached[name] = path
                waiting.append(name)
    return dict(sorted(reached.items()))


def templates(*folders: Path) -> str:
    """Digest (16 hexadecimal digits) of the templates in some folders, which `stage` does not cover."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")):
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def normal_form(source: str) -> str:
    """The syntax tree without docstrings, as text: comments and layout leave it as it is.

    The same on every supported Python. ``ast.unparse`` quotes f-strings otherwise from Python 3.12 on, and ``ast.dump``
    leaves out empty fields from 3.13 on.
    """
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
    return _text(tree)


def _text(value: object) -> str:
    """A node, list or constant of a syntax tree; fields without content are left out, as versions differ in them."""
    if isinstance(value, ast.AST):
        fields = [(name, field) for name, field in ast.iter_fields(value) if field is not None and field != []]
        return f"{type(value).__name__}({', '.join(f'{name}={_text(field)}' for name, field in fields)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def _imports(path: Path, module: str) -> set[str]:
    """Dotted names that the file of a module imports from the package: modules, their folders and what is in them."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # what is imported for annotations alone never runs
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            folder = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*folder, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name for name in names if name.split(".")[0] == PACKAGE}
