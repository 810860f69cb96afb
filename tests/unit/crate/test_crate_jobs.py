"""Paths and specification of the crate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.core.errors import UserError
from bertfit.crate.crate_jobs import CrateJobs
from bertfit.experiments.job_specs import plain
from bertfit.experiments.summary_specs import CrateSpec
from helpers.archived import archiving_of


@dataclass
class Rule:
    name: str
    script: str | None


RULES = [Rule("finetune_and_save", "../scripts/finetune.py"), Rule("all", None)]


def test_of_a_study(archivable: tuple[Path, ArchiveJobs]) -> None:
    jobs = CrateJobs(archivable[1], RULES)
    assert (jobs.path, jobs.checklist) == ("results/tiny.crate.zip", "results/tiny/reforms.md")
    assert jobs.descriptions() == [f"results/tiny/corpora/{name}/croissant.json" for name in ("imdb", "sogou")]
    spec = jobs.spec()
    assert spec == CrateSpec(corpora=["imdb", "sogou"], scripts={"finetune_and_save": "finetune"})
    assert CrateSpec.model_validate(plain(spec)) == spec
    assert jobs.description_spec("imdb").corpus == "imdb"


def test_of_a_choice_and_of_a_part(archivable: tuple[Path, ArchiveJobs]) -> None:
    folder, _ = archivable
    choice = CrateJobs(archiving_of(folder, artefacts="table3"), RULES)
    assert choice.checklist == "results/tiny/reforms.choice.md" and choice.corpora == ["imdb"]
    part = CrateJobs(archiving_of(folder, shard="1/2"), RULES)
    assert part.path == "results/tiny.shard-1-of-2.crate.zip"
    with pytest.raises(UserError, match="a part of a study has no crate; merge all parts"):
        part.descriptions()
