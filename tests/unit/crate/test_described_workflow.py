"""Authors and packages; what a crate says of the workflow is tested with the whole crate (test_run_crate)."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rocrate", reason="needs rocrate: pip install -r requirements.txt")

from bertfit.crate import described_workflow
from bertfit.crate.crate_content import CrateContent
from bertfit.crate.entity_graph import EntityGraph
from bertfit.provenance.citation import Author, Citation
from helpers import crated


@pytest.fixture
def content(archived: Path, tmp_path: Path) -> CrateContent:
    """The made-up study by two authors, trained with two versions of torch."""
    facts = crated.facts(archived, tmp_path / "study")
    facts.__dict__["versions"] = {"python": ["3.12.1"], "torch": ["2.13.0", "2.13.0+cpu"]}
    person = Author(family="Curie", given="Marie", orcid="https://orcid.org/0000-0000-0000-0001")
    cited = Citation(title="T", version="1", license="MIT", authors=[person, Author(name="a group")])
    files = {"Snakefile": ("ab" * 32, 1), "config.yaml": ("cd" * 32, 2), "studies/tiny.yaml": ("ef" * 32, 3)}
    files |= {path: ("01" * 32, 4) for path in facts.manifest.made}
    return CrateContent(facts, cited, [], files, {}, published="2020-01-01", installed=None)


def test_authors_and_packages(content: CrateContent) -> None:
    graph = EntityGraph(content.files)
    described_workflow.workflow(graph, content)
    entities = {entity["@id"]: entity for entity in graph.metadata()["@graph"]}
    person, group = (entities[each["@id"]] for each in entities["Snakefile"]["author"])
    assert (person["@type"], person["@id"]) == ("Person", "https://orcid.org/0000-0000-0000-0001")
    assert (person["givenName"], person["familyName"], group["@type"]) == ("Marie", "Curie", "Organization")
    packages = [entities[each["@id"]] for each in entities["Snakefile"]["softwareRequirements"]]
    assert [(each["name"], each["version"]) for each in packages] == [
        ("python", "3.12.1"), ("torch", "2.13.0"), ("torch", "2.13.0+cpu"),
    ]  # fmt: skip
    assert [each["@id"] for each in packages] == [
        "https://docs.python.org/release/3.12.1/",
        "https://pypi.org/project/torch/2.13.0/",
        "https://pypi.org/project/torch/2.13.0/#cpu",
    ]
    assert "buildInstructions" not in entities["Snakefile"], "the environment is not in this crate"
    names = [entities[each["@id"]]["name"] for each in entities["Snakefile"]["input"]]
    assert names == ["study", "config.yaml", "studies/tiny.yaml"]
