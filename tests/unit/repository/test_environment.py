"""Environments of a study, of your own dataset and of development: pins, declarations and what is installed agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from bertfit.workflow import code_digest
from conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUN = [*PROJECT["dependencies"], *EXTRAS["slurm"]]
CLASSIFY = [*RUN, *EXTRAS["classify"]]
PYTHONS = ("3.11", "3.12", "3.13")
DEVICE_LIBRARIES = ("cuda-", "nvidia-", "triton")
"""what builds of torch for CUDA bring besides; torch pins them itself"""
OPTIONAL = {"flash_attn", "triton", "alembic", "mlflow", "sqlalchemy", "wandb"}
"""imported where they are installed: by builds of torch for CUDA, and by those who export results to a tracker"""
BY_TORCH = {"onnxscript"}
"""declared, and imported by torch's exporter alone"""


def lines(name: str) -> list[str]:
    """Lines of a requirements file without comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins(declared: Iterable[str]) -> dict[str, str]:
    """Canonical name -> version; a name that is pinned twice is an error."""
    split = [line.split("==") for line in declared]
    versions = {canonicalize_name(name): version for name, version in split}
    assert len(versions) == len(split), "a package is pinned twice"
    return versions


def added_pins(name: str, to: str) -> dict[str, str]:
    """What a requirements file adds to another one, which it includes first."""
    included, *own = lines(name)
    assert included == f"-r {to}"
    return pins(own)


def classify_pins() -> dict[str, str]:
    return added_pins("requirements-classify.txt", to="requirements.txt")


def development_pins() -> dict[str, str]:
    return added_pins("requirements-dev.txt", to="requirements-classify.txt")


def all_pins() -> dict[str, str]:
    """Of all files but those of packages of which only files are read."""
    return pins(lines("requirements.txt")) | classify_pins() | development_pins()


def needed(declared: list[str]) -> set[str]:
    """Canonical names of the requirements and of all that they require in turn, as the installed packages declare."""
    names, waiting, visited = set(), [Requirement(text) for text in declared], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        of_torch = name.startswith(DEVICE_LIBRARIES) and name != "nvidia-ml-py"
        if of_torch or (name, *sorted(requirement.extras)) in visited:
            continue
        visited.add((name, *sorted(requirement.extras)))
        names.add(name)
        for further in map(Requirement, metadata.requires(name) or []):
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return names


def imported(modules: Iterable[Path]) -> set[str]:
    """Canonical names of the distributions that modules import, anywhere in them, but for the standard library."""
    names: set[str] = set()
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split(".")[0])
    distributions = metadata.packages_distributions()
    outside = names - sys.stdlib_module_names - {"bertfit"}
    return {canonicalize_name(distributions[name][0]) for name in outside if name not in OPTIONAL}


def test_a_study_installs_what_it_needs_and_nothing_else() -> None:
    assert set(pins(lines("requirements.txt"))) == needed(RUN)


def test_your_own_dataset_adds_what_it_needs_and_nothing_else() -> None:
    assert set(classify_pins()) == needed(CLASSIFY) - needed(RUN)


def test_development_adds_what_it_needs_and_nothing_else() -> None:
    assert set(development_pins()) == needed([*CLASSIFY, *EXTRAS["dev"]]) - needed(CLASSIFY)


def test_the_programs_that_tests_run_need_what_is_pinned() -> None:
    """They are installed without what they declare, of which rich alone is pinned in another version."""
    declared = [Requirement(line) for line in lines("requirements-tools.txt")]
    own = {canonicalize_name(each.name) for each in declared if not each.marker or each.marker.evaluate()}
    assert "roc-validator" in own and not own & all_pins().keys()
    assert needed([*own & {"roc-validator", "snakedeploy"}]) <= own | all_pins().keys()


def test_what_a_study_declares_is_what_its_code_imports() -> None:
    """Only what the rules of classify.smk reach, and what answers new texts with their model, may import more."""
    rules = (ROOT / "rules/classify.smk").read_text()
    own = {"predict", *re.findall(r'"../scripts/(\w+)\.py"', rules)}
    of_studies = {path.stem for path in (ROOT / "scripts").glob("*.py")} - own
    reached_by_own, reached_by_studies = (
        {path for script in scripts for path in code_digest.sources(script).values()} for scripts in (own, of_studies)
    )
    own_alone = reached_by_own - reached_by_studies
    others = set((ROOT / "scripts").rglob("*.py")) - own_alone
    declared, more = (
        {canonicalize_name(Requirement(text).name) for text in texts}
        for texts in (PROJECT["dependencies"], EXTRAS["classify"])
    )
    assert imported(others) == declared
    assert imported(own_alone) - declared == more - BY_TORCH


def test_packages_of_which_only_files_are_read_are_those_of_the_studies() -> None:
    """They are installed without what they declare to need."""
    (encoder,) = lines("requirements-encoder.txt")
    reviews = added_pins("requirements-reviews.txt", to="requirements-encoder.txt") | pins([encoder])
    assert reviews.keys() == {canonicalize_name(name) for name in EXTRAS["reviews"]}
    assert pins([encoder]).keys() == {canonicalize_name(name) for name in EXTRAS["compact"]}
    assert not reviews.keys() & (all_pins().keys() | needed([*CLASSIFY, *EXTRAS["dev"]]))
    study = YAML(typ="safe").load(ROOT / "studies/reviews.yaml")
    sources = [corpus["source"]["package"] for corpus in study["corpora"].values()] + [*study["encoders"].values()]
    assert pins({each["requirement"] for each in sources}) == reviews
    for name in ("compact", "example"):
        encoders = YAML(typ="safe").load(ROOT / f"studies/{name}.yaml")["encoders"].values()
        assert [each["requirement"] for each in encoders if each and "package" in each] == [encoder]


def test_the_documentation_counts_the_packages() -> None:
    page = (ROOT / "docs/how-to/environments.md").read_text()
    told = dict(re.findall(r"^\| `(requirements[\w-]*\.txt)` \|.*\| (\d+) packages?\b", page, re.MULTILINE))
    counted = {path.name: sum("==" in line for line in lines(path.name)) for path in ROOT.glob("requirements*.txt")}
    assert {name: int(number) for name, number in told.items()} == counted


def test_pins_are_within_the_declared_ranges() -> None:
    versions = all_pins()
    for requirement in map(Requirement, [*CLASSIFY, *EXTRAS["dev"]]):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_installed_versions_are_the_pinned_ones() -> None:
    for name, version in all_pins().items():
        assert metadata.version(name).split("+")[0] == version, f"{name}: run `make develop`"


def test_every_supported_python_is_declared_alike() -> None:
    supported = SpecifierSet(PROJECT["requires-python"])
    assert [version for version in (f"3.{minor}" for minor in range(20)) if version in supported] == [*PYTHONS]
    assert [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line] == [*PYTHONS]
    workflow = YAML(typ="safe").load(ROOT / ".github/workflows/ci.yml")
    assert {tuple(job["strategy"]["matrix"]["python"]) for job in workflow["jobs"].values()} == {PYTHONS}
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["mypy"]["python_version"] == PYTHONS[0]
    assert tools["ruff"]["target-version"] == "py" + PYTHONS[0].replace(".", "")


def test_every_target_of_make_has_a_recipe():
    """make says "Nothing to be done" of a phony target without one, and succeeds."""
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
