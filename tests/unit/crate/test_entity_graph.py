"""Entities: files by path and digest, others once, values in the form that the format asks for."""

from __future__ import annotations

import pytest

pytest.importorskip("rocrate", reason="needs rocrate: pip install -r requirements.txt")

from bertfit.crate import entity_graph
from bertfit.crate.entity_graph import EntityGraph
from bertfit.provenance.job_runs import UsedFile

DIGEST, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def graph() -> EntityGraph:
    return EntityGraph({"a b/c=1.csv": (DIGEST, 7), "x.md": (OTHER, 9)})


def entities(graph: EntityGraph) -> dict[str, dict[str, object]]:
    return {entity["@id"]: entity for entity in graph.metadata()["@graph"]}


def test_files(graph: EntityGraph) -> None:
    found = entities(graph)["a%20b/c%3D1.csv"]
    assert found == {
        "@id": "a%20b/c%3D1.csv", "@type": "File", "name": "a b/c=1.csv", "sha256": DIGEST, "contentSize": "7",
        "encodingFormat": "text/csv",
    }  # fmt: skip
    assert entities(graph)["x.md"]["encodingFormat"] == "text/markdown"
    assert entity_graph.file("a b/c=1.csv") == {"@id": "a%20b/c%3D1.csv"}


def test_a_used_file_is_that_of_the_crate_only_with_its_digest(graph: EntityGraph) -> None:
    inside = {"@id": "a%20b/c%3D1.csv"}
    assert graph.used(UsedFile("a b/c=1.csv")) == graph.used(UsedFile("a b/c=1.csv", DIGEST)) == inside
    other = graph.used(UsedFile("a b/c=1.csv", OTHER))
    assert other != inside and entities(graph)[other["@id"]]["sha256"] == OTHER
    assert graph.used(UsedFile("a b/c=1.csv", OTHER)) == other, "the same file is the same entity"


def test_folders_of_a_machine_are_not_told(graph: EntityGraph) -> None:
    used = graph.used(UsedFile("/home/someone/data.csv", DIGEST))
    assert entities(graph)[used["@id"]]["name"] == "data.csv" and "someone" not in str(graph.metadata())


def test_values(graph: EntityGraph) -> None:
    graph.add("#a", "Thing", name="first", empty="", none=None, nothing=[], one=[{"@id": "#b"}], two=["x", "y"])
    graph.add("#a", "Thing", name="second")
    assert entities(graph)["#a"] == {
        "@id": "#a", "@type": "Thing", "name": "first", "one": {"@id": "#b"}, "two": ["x", "y"],
    }  # fmt: skip
    graph.describe("x.md", "SoftwareSourceCode", about={"@id": "./"})
    assert entities(graph)["x.md"]["@type"] == ["File", "SoftwareSourceCode"]
    assert entity_graph.once([{"@id": "b"}, {"@id": "a"}, {"@id": "b"}]) == [{"@id": "b"}, {"@id": "a"}]


def test_the_crate_itself(graph: EntityGraph) -> None:
    written = graph.metadata(name="A crate", datePublished="2020-01-01")
    found = {entity["@id"]: entity for entity in written["@graph"]}
    assert (found["./"]["name"], found["./"]["datePublished"]) == ("A crate", "2020-01-01")
    assert {"@id": "https://w3id.org/ro/crate/1.1"} in found["ro-crate-metadata.json"]["conformsTo"]
    assert written["@context"] == ["https://w3id.org/ro/crate/1.1/context", entity_graph.TERMS]
