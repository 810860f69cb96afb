from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from bertfit.workflow import code_digest
from helpers.reached_modules import REACHED

SCRIPT = "from bertfit import stage\nstage.run()\n"
STAGE = "from . import formula\n\n\ndef run():\n    return formula.rate(3)\n"
FORMULA = "def rate(x):\n    return 0.9 * x\n"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "bertfit").mkdir()
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "bertfit" / "stage.py").write_text(STAGE)
    (tmp_path / "bertfit" / "formula.py").write_text(FORMULA)
    (tmp_path / "bertfit" / "other.py").write_text("x = 1\n")
    return tmp_path


def digest(scripts: Path) -> str:
    code_digest.of_script.cache_clear()
    return code_digest.of_script("train", scripts)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('RATE = 0.9\n"""Share of the total."""\n', 'RATE = 0.9\n"""In percent."""\n'),
        ('RATE = 0.9\n"""Share of the total."""\n', "RATE = 0.9\n"),
        ('class A:\n    """Of x."""\n\n    x: int\n    """Rows."""\n', "class A:\n    x: int\n"),
        ('def f(x):\n    """Of x."""\n    if x:\n        "never"\n', "def f(x):\n    if x:\n        pass\n"),
    ],
)
def test_a_text_below_a_field_or_constant_leaves_the_digest(text: str, other: str) -> None:
    assert code_digest.normal_form(text) == code_digest.normal_form(other)


@pytest.mark.parametrize("text", ['x = "a"\n', 'f("a")\n', 'def f():\n    return "a"\n', 'x: "a" = 1\n'])
def test_a_string_that_has_an_effect_counts(text: str) -> None:
    assert code_digest.normal_form(text) != code_digest.normal_form(text.replace('"a"', '"b"'))


@pytest.mark.parametrize(
    ("file", "text", "same"),
    [
        (
            "bertfit/formula.py",
            '"""New words."""\n\n# why\ndef rate(x):\n    """Of x."""\n    return 0.9 * x  # so\n',
            True,
        ),
        ("bertfit/other.py", "x = 2\n", True),
        ("bertfit/formula.py", FORMULA.replace("0.9", "0.8"), False),
        ("train.py", SCRIPT.replace("run()", "run(2)"), False),
        ("bertfit/stage.py", STAGE.replace("3", "4"), False),
    ],
)
def test_what_changes_the_digest(scripts: Path, file: str, text: str, same: bool) -> None:
    before = digest(scripts)
    (scripts / file).write_text(text)
    assert (digest(scripts) == before) == same


def test_a_declared_refactor_keeps_the_digest_and_a_later_change_does_not(scripts: Path) -> None:
    before = digest(scripts)
    (scripts / "bertfit/formula.py").write_text(FORMULA.replace("x", "value"))
    refactored = digest(scripts)
    (scripts / "bertfit/equivalent.json").write_text(json.dumps({refactored: before}))
    assert digest(scripts) == before
    (scripts / "bertfit/formula.py").write_text(FORMULA.replace("x", "value").replace("0.9", "0.7"))
    assert digest(scripts) not in (before, refactored)


@pytest.mark.parametrize("script", sorted(REACHED))
def test_what_each_script_reaches(script: str) -> None:
    """Exactly these: a further module would cause needless re-runs, a missing one would keep outdated results."""
    names = code_digest.sources(script).keys() - {script}
    assert names == {f"bertfit.{name}" for name in REACHED[script].split()}


def test_every_script_is_pinned() -> None:
    assert REACHED.keys() == {path.stem for path in code_digest.SCRIPTS.glob("*.py")}


def test_what_changes_results_counts_and_builders_do_not_retrain() -> None:
    assert "bertfit.core.formatting" in code_digest.sources("tabulate_runs"), "it makes cells of CSV files safe"
    trained = code_digest.sources("finetune")
    assert "bertfit.config.recipe_semantics" in trained
    builders = ("build_vocabulary", "tokenize_corpus", "create_instances", "official_wordpiece", "pretraining_text")
    for script in ("finetune", "pretrain_encoder", "multitask_encoder", "train_on_features"):
        assert not {f"bertfit.tokens.{name}" for name in builders} & code_digest.sources(script).keys()


def test_what_is_ignored_exists() -> None:
    for name in code_digest.IGNORED:
        assert code_digest.SCRIPTS.joinpath(*name.split(".")).with_suffix(".py").is_file(), name


@pytest.mark.parametrize("module", ["job_specs", "summary_specs"])
def test_specifications_hold_no_formula(module: str) -> None:
    """They count in no digest though each job reads its values through them: what they compute must be for writing."""
    tree = ast.parse((code_digest.SCRIPTS / f"bertfit/experiments/{module}.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    reading = [
        node.name
        for node in functions
        if node.name != "plain" and not any("serializer" in ast.unparse(mark) for mark in node.decorator_list)
    ]
    assert reading == [], "a property or validator belongs in a module that counts"


@pytest.mark.parametrize(
    ("line", "reached"),
    [
        ("from bertfit.inner import leaf", True),
        ("from bertfit.inner.leaf import x", True),
        ("import bertfit.inner.leaf", True),
        ("from .inner import leaf", True),
        ("from .inner.leaf import x", True),
        ("from . import inner", False),
        ("from other.inner import leaf", False),
    ],
)
def test_modules_of_folders_are_found_however_they_are_imported(scripts: Path, line: str, reached: bool) -> None:
    (scripts / "bertfit/inner").mkdir()
    (scripts / "bertfit/inner/__init__.py").write_text('"""A folder."""\n')
    (scripts / "bertfit/inner/leaf.py").write_text("from ..other import x\n")
    (scripts / "bertfit/stage.py").write_text(f"{line}\n{STAGE}")
    names = {"train", "bertfit.stage", "bertfit.formula"}
    more = {"bertfit.inner.leaf", "bertfit.other"} if reached else set()
    assert code_digest.sources("train", scripts).keys() == names | more


def test_imports_for_annotations_do_not_count(scripts: Path) -> None:
    before = digest(scripts)
    (scripts / "bertfit/stage.py").write_text(STAGE + "\nif TYPE_CHECKING:\n    from .other import x\n")
    with_annotation = digest(scripts)
    (scripts / "bertfit/other.py").write_text("x = 9\n")
    assert digest(scripts) == with_annotation != before


def test_imports_inside_functions_count(tmp_path: Path, scripts: Path) -> None:
    shutil.copy(scripts / "bertfit/other.py", scripts / "bertfit/late.py")
    before = digest(scripts)
    (scripts / "bertfit/stage.py").write_text(STAGE + "\n\ndef late():\n    from .late import x\n\n    return x\n")
    with_late = digest(scripts)
    (scripts / "bertfit/late.py").write_text("x = 5\n")
    assert len({before, with_late, digest(scripts)}) == 3


def test_a_changed_file_of_the_paper_changes_its_digest(tmp_path: Path) -> None:
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).write_text(text)
    both = code_digest.of_paper("a", "b", folder=tmp_path)
    assert len(both) == 16 and both == code_digest.of_paper("a", "b", folder=tmp_path)
    assert both != code_digest.of_paper("b", "a", folder=tmp_path) != code_digest.of_paper("a", folder=tmp_path)
    (tmp_path / "b").write_text("3")
    assert both != code_digest.of_paper("a", "b", folder=tmp_path)
    assert code_digest.of_paper("published.csv") != code_digest.of_paper("spreads.yaml")
