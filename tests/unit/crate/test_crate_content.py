"""Which version of Snakemake a crate names, and who says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.crate.crate_content import CrateContent
from bertfit.provenance import citation
from conftest import ROOT
from helpers import crated


@pytest.mark.parametrize(
    ("recorded", "installed", "named", "source"),
    [
        (["9.1", "9.2"], "9.9", "9.1, 9.2", "as the trainings recorded it"),
        ([], "9.9", "9.9", "installed when this crate was written"),
        ([], None, None, "not known"),
    ],
)
def test_version_of_snakemake(
    archived: Path, tmp_path: Path, recorded: list[str], installed: str | None, named: str | None, source: str
) -> None:
    facts = crated.facts(archived, tmp_path / "study")
    facts.__dict__["versions"] = {"snakemake": recorded} if recorded else {}
    cited = citation.read(ROOT / citation.NAME)
    content = CrateContent(facts, cited, [], {}, {}, published="2020-01-01", installed=installed)
    version, said_by = content.engine
    assert version == named and source in said_by


def test_results_are_what_a_reader_opens(archived: Path, tmp_path: Path) -> None:
    facts = crated.facts(archived, tmp_path / "study")
    cited = citation.read(ROOT / citation.NAME)
    results = CrateContent(facts, cited, [], {}, {}, published="2020-01-01", installed=None).results
    assert {"results/tiny/report.html", "results/tiny/claims.md", "results/tiny/results.parquet"} <= set(results)
    assert not any("/scores/" in path for path in results)
