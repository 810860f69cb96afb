"""CITATION.cff of this project, and files that are not complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.provenance import citation
from conftest import ROOT

WHOLE = """\
title: A workflow
version: 1.2.0
license: MIT
authors:
  - {family-names: Curie, given-names: Marie, orcid: "https://orcid.org/0000-0000-0000-0001"}
  - name: a group
repository-code: https://example.org/code
keywords: [text]
"""


def test_of_this_project() -> None:
    found = citation.read(ROOT / citation.NAME)
    assert found.license == "MIT" and found.title.startswith("bertfit") and found.authors


def test_people_and_groups(tmp_path: Path) -> None:
    (tmp_path / citation.NAME).write_text(WHOLE)
    found = citation.read(tmp_path / citation.NAME)
    person, group = found.authors
    assert (person.label, person.person, person.orcid) == ("Marie Curie", True, "https://orcid.org/0000-0000-0000-0001")
    assert (group.label, group.person) == ("a group", False)
    assert (found.version, found.repository, found.keywords) == ("1.2.0", "https://example.org/code", ["text"])


@pytest.mark.parametrize("key", ["title", "version", "license", "authors"])
def test_what_is_missing_is_named(tmp_path: Path, key: str) -> None:
    path = tmp_path / citation.NAME
    path.write_text(WHOLE.replace(f"{key}:", f"no-{key}:", 1))
    with pytest.raises(UserError, match=rf"CITATION.cff: {key} is missing; see https://citation-file-format"):
        citation.read(path)
    path.unlink()
    with pytest.raises(UserError, match="CITATION.cff: cannot be read"):
        citation.read(path)
