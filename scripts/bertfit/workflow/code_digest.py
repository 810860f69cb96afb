"""Digest of a job's code, so that a changed formula re-runs the job and a comment does not.

Snakemake compares the modification time of a script, but not the modules that it imports. Each job therefore has, as a
parameter, a digest of the syntax trees of its script and of all modules that the script reaches. Modification times,
comments, blank lines, docstrings and the texts below fields and constants do not change it.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from bertfit.core.files import PROJECT

SCRIPTS = PROJECT / "scripts"
PACKAGE = "bertfit"
DECLARATIONS = frozenset({
    "bertfit.config.corpus_schema", "bertfit.config.encoder_schema", "bertfit.config.hyperparameters",
    "bertfit.config.layout_schema", "bertfit.config.reasons", "bertfit.config.study_schema",
    "bertfit.experiments.cells", "bertfit.experiments.job_specs", "bertfit.experiments.summary_specs",
})  # fmt: skip
"""Schemas: their values, defaults included, are in the job's specification, which Snakemake compares as well."""
WITHOUT_EFFECT = frozenset({
    "bertfit.core.errors", "bertfit.core.files", "bertfit.core.hub_download", "bertfit.energy.cpu_energy",
    "bertfit.energy.energy_meter", "bertfit.energy.energy_use", "bertfit.energy.gpu_energy",
    "bertfit.runtime.exclusive",
    "bertfit.runtime.gpu_lease", "bertfit.runtime.job_log", "bertfit.runtime.progress",
    "bertfit.runtime.resume_state", "bertfit.runtime.rule_job", "bertfit.runtime.tensorboard",
    "bertfit.training.run_record",
})  # fmt: skip
"""They change no result: messages, atomic writes, verified downloads, energy, locks, logs, records."""
IGNORED = DECLARATIONS | WITHOUT_EFFECT
"""Modules that are not part of a digest."""


@cache
def of_script(script: str, scripts: Path = SCRIPTS) -> str:
    """Digest (16 hexadecimal digits) of ``scripts/<script>.py`` and every module of the package that it reaches.

    If ``equivalent.json`` maps the digest to another one, that one is returned: after a refactoring that leaves the
    results of the tests bit-identical, earlier results stay valid.
    """
    digest = hashlib.sha256()
    for name, path in sources(script, scripts).items():
        digest.update(f"{name}\n{normal_form(path.read_text(encoding='utf-8'))}\n".encode())
    code = digest.hexdigest()[:16]
    equivalent = scripts / PACKAGE / "equivalent.json"
    return json.loads(equivalent.read_text(encoding="utf-8")).get(code, code) if equivalent.exists() else code


def sources(script: str, scripts: Path = SCRIPTS) -> dict[str, Path]:
    """The script and the modules that it imports, directly or not, also inside functions: dotted name -> file, sorted.

    The ``__init__.py`` of folders are left out, as they hold docstrings only.
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
    """Digest (16 hexadecimal digits) of the templates in some folders, which `of_script` does not cover."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")):
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def of_paper(*names: str, folder: Path = PROJECT / "paper") -> str:
    """Digest (16 hexadecimal digits) of files of ``paper/``, which jobs read from beside the package."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\n".encode() + (folder / name).read_bytes())
    return digest.hexdigest()[:16]


def normal_form(source: str) -> str:
    """The syntax tree without docstrings, as text: independent of comments, layout and the version of Python.

    Every statement that is only a string is left out: docstrings, and the texts below fields and constants.

    ``ast.unparse`` quotes f-strings differently from Python 3.12 on, and ``ast.dump`` leaves out empty fields from 3.13
    on, so neither is used.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name, statements in ast.iter_fields(node):
            if isinstance(statements, list) and any(map(_is_text, statements)):
                kept = [statement for statement in statements if not _is_text(statement)]
                setattr(node, name, kept or ([ast.Pass()] if name == "body" else []))
    return _text(tree)


def _is_text(node: ast.AST) -> bool:
    """Whether a node is a statement that is only a string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _text(value: object) -> str:
    """A node, list or constant of a syntax tree, without empty fields, in which versions of Python differ."""
    if isinstance(value, ast.AST):
        fields = [(name, field) for name, field in ast.iter_fields(value) if field is not None and field != []]
        return f"{type(value).__name__}({', '.join(f'{name}={_text(field)}' for name, field in fields)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def _imports(path: Path, module: str) -> set[str]:
    """Dotted names that a module imports from the package: of modules, folders, and objects in modules."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # imports for annotations are not executed
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
