"""Images have the environment of a run. They cannot be built here: what they are built from is read."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

from conftest import ROOT

DOCKERFILE, DEFINITION = ROOT / "containers/Dockerfile", ROOT / "containers/bertfit.def"
INSTALLER = "bertfit.post-deploy.sh"
"""which Snakemake runs in its conda environment as well, see test_lock.py"""


def instructions(text: str) -> list[tuple[str, str]]:
    """(word, arguments) of a Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def sections(text: str) -> dict[str, list[str]]:
    """Section (the head is "") -> lines of an Apptainer definition, comments left out."""
    found: dict[str, list[str]] = {"": []}
    for line in text.splitlines():
        if line.startswith("%"):
            found[line[1:].strip()] = []
        elif line.strip() and not line.strip().startswith("#"):
            found[list(found)[-1]].append(line.strip())
    return found


def commands() -> tuple[list[str], list[str]]:
    """Shell commands that make either image."""
    docker = [one for word, text in instructions(DOCKERFILE.read_text()) if word == "RUN" for one in text.split("&& ")]
    return [one.strip() for one in docker], sections(DEFINITION.read_text())["post"]


def test_dockerfile_is_well_formed() -> None:
    found = instructions(DOCKERFILE.read_text())
    assert [word for word, _ in found] == ["FROM", "LABEL", "RUN", "COPY", "RUN", "ENV"]
    for word, text in found:
        if word == "COPY":
            assert (ROOT / text.split()[0]).is_file()
        if word == "RUN":
            subprocess.run(["bash", "-n", "-c", text], check=True)


def test_definition_is_well_formed() -> None:
    found = sections(DEFINITION.read_text())
    assert list(found) == ["", "labels", "files", "post", "environment", "runscript"]
    assert [line.split(": ")[0] for line in found[""]] == ["Bootstrap", "From"]
    assert all((ROOT / line.split()[0]).is_file() for line in found["files"])
    for name in ("post", "environment", "runscript"):
        subprocess.run(["bash", "-n", "-c", "\n".join(found[name])], check=True)


def test_both_images_and_the_conda_environment_are_made_by_one_script_on_the_same_python() -> None:
    docker, apptainer = commands()
    assert docker == apptainer
    assert f"bash /tmp/{INSTALLER}" in docker and not any("pip" in one for one in docker), "nothing beside the lock"
    copied = [text for word, text in instructions(DOCKERFILE.read_text()) if word == "COPY"]
    assert copied == sections(DEFINITION.read_text())["files"] == [f"envs/{INSTALLER} /tmp/{INSTALLER}"]
    assert "bertfit.yaml".replace(".yaml", ".post-deploy.sh") == INSTALLER, "where Snakemake looks for it"
    base = dict(instructions(DOCKERFILE.read_text()))["FROM"]
    assert f"From: {base}" in sections(DEFINITION.read_text())[""]
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    version = re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)
    assert version and version.group(1) in SpecifierSet(supported)
    conda = YAML(typ="safe").load(ROOT / "envs/bertfit.yaml")["dependencies"]
    assert f"python={version.group(1)}" in conda, "images and the conda environment have one Python"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-classify.txt", "requirements-encoder.txt"])
def test_the_requirements_install_from_one_index_alone(name: str) -> None:
    """Each line a pin: no option, address or local version, which would not be the same elsewhere."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


def test_the_workflow_names_the_image_that_the_definition_builds() -> None:
    image = re.search(r'^container: "(.*)"$', (ROOT / "rules/workflow.smk").read_text(), re.MULTILINE)
    assert image and f"apptainer build {image.group(1)} containers/bertfit.def" in DEFINITION.read_text()
    assert image.group(1) in (ROOT / ".gitignore").read_text().splitlines()
