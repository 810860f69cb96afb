"""What archives select together: seeds, corpora and artefacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.archiving.merged_jobs import merged_jobs
from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.core.errors import UserError
from bertfit.workflow.artefact_jobs import ArtefactJobs
from bertfit.workflow.report_jobs import ReportJobs
from bertfit.workflow.training_jobs import TrainingJobs


def selected(jobs: TrainingJobs) -> dict[str, str]:
    return ArchiveJobs(jobs, ArtefactJobs(jobs), ReportJobs(jobs)).spec().switches


@pytest.fixture
def merged(unpack: Callable[..., list[Unpacked]], archivable: tuple[Path, object]) -> Callable[..., TrainingJobs]:
    """The jobs of archives with these switches."""
    (first,) = unpack("first")

    def jobs(*switches: dict[str, str]) -> TrainingJobs:
        manifests = [first.manifest.model_copy(update={"switches": {"study": "tiny"} | given}) for given in switches]
        return merged_jobs(archivable[0], [replace(first, manifest=manifest) for manifest in manifests])

    return jobs


@pytest.mark.parametrize(
    ("given", "switch"),
    [
        (["3", "4-6"], "6"),
        (["4-6", "3"], "6"),
        (["1-3", "2-4"], "4"),
        (["3", "7-8"], "1-3+7-8"),
        (["2-2", "4-4"], "2-2+4-4"),
        (["2", None], "declared+1-2"),
        (["declared+4-4", "5-5"], "declared+4-5"),
        ([None, None], None),
    ],
)
def test_seeds(merged: Callable[..., TrainingJobs], given: list[str | None], switch: str | None) -> None:
    jobs = merged(*({"seeds": seeds} if seeds else {} for seeds in given))
    assert selected(jobs).get("seeds") == switch


def test_seeds_of_each_run(merged: Callable[..., TrainingJobs]) -> None:
    """The tiny study declares seeds 1 and 2; word counts have one seed, whatever is given."""
    jobs = merged({"seeds": "4-6"}, {})
    counts = {run_group.encoder == "tfidf": seeds for run_group, seeds in jobs.registry.seeds.items()}
    assert counts == {True: [1], False: [1, 2, 4, 5, 6]}


def test_corpora_and_artefacts(merged: Callable[..., TrainingJobs]) -> None:
    assert selected(merged({"corpora": "imdb"}, {"corpora": "sogou"})) == {"study": "tiny"}
    assert selected(merged({"corpora": "imdb"}, {"corpora": "imdb"})) == {"study": "tiny", "corpora": "imdb"}
    assert selected(merged({"corpora": "imdb"}, {})) == {"study": "tiny"}
    some = selected(merged({"artefacts": "table3"}, {"artefacts": "table2"}))
    assert some == {"study": "tiny", "artefacts": "table2+table3"}
    with pytest.raises(UserError, match="unknown name 'tabel2'; did you mean 'table2'"):
        merged({"artefacts": "table3"}, {"artefacts": "tabel2"})
