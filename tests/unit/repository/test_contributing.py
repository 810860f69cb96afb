"""What contributors are told: commands, targets, tools and links that are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ruamel.yaml import YAML

from conftest import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
GITHUB = ROOT / ".github"
PAGES = [ROOT / name for name in ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md")]
WITH_TARGETS = [
    *PAGES,
    GITHUB / "PULL_REQUEST_TEMPLATE.md",
    GITHUB / "workflows/ci.yml",
    ROOT / ".pre-commit-config.yaml",
]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def tools(command: str) -> list[str]:
    """Programs of the environment that a command starts: [".venv/bin/ruff"]."""
    return [word for word in shlex.split(command) if word.startswith(".venv/bin/")]


def tools_of_check() -> list[str]:
    """Programs that ``make check`` starts, in order."""
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    return [tool for line in recipe.group(1).splitlines() for tool in tools(line.replace("$(BIN)", ".venv/bin"))]


def hooks() -> list[dict]:
    (repository,) = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local", "versions are pinned in requirements-dev.txt alone"
    return repository["hooks"]


def test_every_target_that_is_named_is_there() -> None:
    text = "\n".join(path.read_text() for path in WITH_TARGETS)
    named = set(re.findall(r"(?:`|run: |^ +)make ([a-z-]+)", text, re.MULTILINE))
    assert len(named) > 5 and named <= targets()


def test_hooks_run_tools_of_make_check() -> None:
    for hook in hooks():
        (tool,) = tools(hook["entry"])
        assert hook["language"] == "system" and tool in tools_of_check()
        re.compile(hook.get("files", ""))


def test_every_check_but_that_of_the_whole_workflow_is_a_hook() -> None:
    hooked = [tool for hook in hooks() for tool in tools(hook["entry"])]
    assert sorted(hooked) == sorted(tool for tool in tools_of_check() if Path(tool).name != "snakemake")


def test_links_and_test_files_are_there() -> None:
    for page in PAGES:
        text = page.read_text()
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        for name in [*links, *re.findall(r"\btests/[\w/]+\.py\b", text)]:
            assert (page.parent / name).is_file(), f"{page.name}: {name}"


def test_forms_and_the_workflow_have_what_github_asks_for() -> None:
    for form in ("bug.yml", "feature.yml"):
        declared = YAML(typ="safe").load(GITHUB / "ISSUE_TEMPLATE" / form)
        assert {"name", "description", "body"} <= set(declared)
        ids = [field["id"] for field in declared["body"]]
        assert len(ids) == len(set(ids)) > 3
    workflow = YAML(typ="safe").load(GITHUB / "workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 360
        assert any(step.get("run", "").startswith("make ") for step in job["steps"])
