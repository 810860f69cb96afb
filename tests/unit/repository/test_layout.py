"""The layout: folders of the package and what stands in them, as ARCHITECTURE.md and the import contract say."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from conftest import ROOT

PACKAGE = ROOT / "scripts/bertfit"
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def modules(folder: str) -> set[str]:
    return {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_and_its_modules_are_in_the_architecture(folder: str) -> None:
    (row,) = re.findall(rf"^\| `{folder}` \|.*$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert not {module for module in modules(folder) if f"`{module}`" not in row}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_are_small_and_their_init_holds_a_docstring_alone(folder: str) -> None:
    assert 0 < len(modules(folder)) <= 12
    (statement,) = ast.parse((PACKAGE / folder / "__init__.py").read_text()).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def test_all_modules_are_in_folders_and_no_name_stands_twice() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py"}
    names = [module for folder in FOLDERS for module in modules(folder)]
    assert len(names) == len(set(names)) and not set(names) & set(FOLDERS)


def test_no_two_public_classes_have_one_name() -> None:
    names = [
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert len(names) == len(set(names))


def test_unit_tests_stand_in_folders_of_the_package() -> None:
    folders = {path.parent.name for path in (ROOT / "tests/unit").rglob("test_*.py")}
    assert folders <= {*FOLDERS, "repository"}


def test_order_of_the_folders_leaves_none_out() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert sorted(linter["contracts"][0]["layers"]) == FOLDERS


# Modules without a test file of their name, and why.
WITHOUT_TEST_FILE = {
    "config.reasons": "two types that hold a text",
    "data.split_counts": "part of data.corpora, whose tests count the rows of its cards",
    "experiments.study_summary": "a declaration; terminal/test_closing_lines.py reads it back",
    "experiments.summary_specs": "declarations; experiments/test_job_specs.py reads each of them back",
    "statistics.significance": "a constant",
    "training.task": "a protocol, and the error that training/test_loop.py expects",
}
# Test files that bear no module's name, as they show a property of several modules.
CROSS_CUTTING = {
    "core.hostile_yaml",
    "data.hostile_files",
    "export.exported_families",
    "data.hostile_property",
    "data.hub_faults",
    "experiments.hostile_names",
    "experiments.paper_choices",
    "model.classifier_head_layers",
    "stages.diverged_runs",
    "stages.feature_runs",
    "stages.head_steps",
    "stages.official_code",
    "stages.other_families",
    "stages.replaced_token_detection",
    "stages.several_labels",
    "training.train_step_meta",
    "training.train_step_cuda",
}


def named_by_tests(folder: str) -> set[str]:
    return {path.stem.removeprefix("test_") for path in (ROOT / "tests/unit" / folder).glob("test_*.py")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_module_has_the_test_file_of_its_name(folder: str) -> None:
    excepted = {name.removeprefix(f"{folder}.") for name in WITHOUT_TEST_FILE if name.startswith(f"{folder}.")}
    assert modules(folder) - named_by_tests(folder) == excepted, "write its tests, or an exception with its reason"


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_test_file_bears_the_name_of_a_module(folder: str) -> None:
    cross_cutting = {name.removeprefix(f"{folder}.") for name in CROSS_CUTTING if name.startswith(f"{folder}.")}
    assert named_by_tests(folder) - modules(folder) == cross_cutting, "move its tests to those of their modules"
