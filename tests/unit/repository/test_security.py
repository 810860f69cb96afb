"""Config and corpora are data: nothing in the code can run what stands in them."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = sorted([*ROOT.glob("scripts/**/*.py"), *ROOT.glob("bench/**/*.py")])
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "subprocess.getoutput",
    "torch.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "np.load", "numpy.load", "pd.read_pickle",
    "pandas.read_pickle", "joblib.load", "torch.hub.load", "jinja2.Markup", "markupsafe.Markup",
}  # fmt: skip
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml"}
KEYWORDS = {"shell", "trust_remote_code", "allow_pickle"}  # true, or no plain false


def faults(source: str) -> list[str]:
    """What of a module's source could run data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"import {name}" for name in names if name.partition(".")[0] in MODULES]
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        found += [name] if name in CALLS else []
        for keyword in node.keywords:
            plain = isinstance(keyword.value, ast.Constant) and keyword.value.value in (False, None)
            if keyword.arg in KEYWORDS and not plain:
                found.append(f"{keyword.arg}={ast.unparse(keyword.value)}")
        if name.endswith("YAML") and ast.unparse(node) != "YAML(typ='rt', pure=True)":
            found.append(ast.unparse(node))  # of ruamel.yaml's kinds only "unsafe" makes objects: this one is known
    return found


@pytest.mark.parametrize(
    "source",
    ["eval('1')", "import pickle", "from pickle import loads", "torch.load(p)", "yaml.load(p)", "run(c, shell=True)",
     "AutoModel.from_pretrained(p, trust_remote_code=flag)", "YAML(typ='unsafe')", "np.load(p)", "os.system(c)"],
)  # fmt: skip
def test_the_test_sees(source: str) -> None:
    assert faults(source)
    assert not faults("model.eval(); run(c, shell=False); re.compile('x'); YAML(typ='rt', pure=True)")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_runs_data(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def test_rules_run_scripts_and_no_shell() -> None:
    for path in (ROOT / "Snakefile", ROOT / "workflow/Snakefile", *ROOT.glob("rules/*.smk")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*shell:|\bshell\(|\beval\(|\bexec\(", text, re.MULTILINE), path.name


def test_make_quotes_what_a_user_gives() -> None:
    """A file's name reaches the shell, and Snakemake behind it, as one word, whatever it holds."""
    given = {"DATA": """it's "x"; touch pwned.csv""", "TEXT": "a b `id`", "LABEL": "-c && c", "TEST": "*.csv | d"}
    make = ["make", "--no-print-directory", "-n", "classify", *(f"{name}={value}" for name, value in given.items())]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = shlex.split(printed[printed.index("snakemake classify") :].replace("\\\n", " "))
    assert words[4:8] == [f"{name.lower()}=[{json.dumps(value)}]" for name, value in given.items()]
