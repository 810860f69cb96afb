"""Facts of the made-up study, and archives that lack a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.provenance.study_facts import StudyFacts
from helpers import crated
from helpers.archived import archiving_of, pack_as


@pytest.fixture
def facts(archived: Path, tmp_path: Path) -> StudyFacts:
    return crated.facts(archived, tmp_path / "study")


def test_of_the_study(facts: StudyFacts, archivable: tuple[Path, ArchiveJobs]) -> None:
    registry = archivable[1].jobs.registry
    assert {block.path for block, _ in facts.runs} == {job.path for job in registry.jobs()}
    assert {encoder.encoder for encoder, _ in facts.encoders} == set(registry.encoders)
    assert facts.cards.keys() == {"imdb", "sogou"} and facts.seeds == [1, 2]
    assert facts.versions == {"torch": ["2"]} and facts.machines == {"device": ["X"], "system": ["S"]}
    assert facts.seconds == 2.0 * len(facts.records) and len(facts.records) == len(facts.runs) + len(facts.encoders)
    assert facts.report.study.title == "Tiny" and len(facts.claims) > 5


@pytest.mark.parametrize("name", ["run.json", "card.json"])
@pytest.mark.parametrize("content", [None, "{}", "{"])
def test_a_record_that_is_missing_or_damaged(facts: StudyFacts, name: str, content: str | None) -> None:
    path = sorted(facts.folder.rglob(name))[0]
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(UserError, match=rf"{name}: not the (record of a job|card of a corpus)"):
        _ = [facts.runs, facts.encoders, facts.cards]


def test_a_part_is_not_described(archivable: tuple[Path, ArchiveJobs], tmp_path: Path) -> None:
    part = pack_as(archivable[0], archiving_of(archivable[0], shard="1/2"), "described-part.zip")
    with pytest.raises(UserError, match="part 1 of 2 of a study; merge all parts first"):
        _ = crated.facts(part, tmp_path / "part").report
