"""What an archive holds: the records that its jobs read, and for a choice of artefacts no others."""

from __future__ import annotations

from pathlib import Path

from bertfit.archiving.archive_jobs import ArchiveJobs
from bertfit.archiving.archive_jobs import paths as archive_paths
from helpers.archived import archiving_of


def test_a_choice_of_artefacts_has_its_own_records_alone(archivable: tuple[Path, ArchiveJobs]) -> None:
    archiving = archiving_of(archivable[0], artefacts="table2")
    made = archiving.rebuilt()
    assert made[:5] == ["results/tiny/scores/table2.parquet", *archiving.artefacts.targets("table2")]
    names = ("claims.choice.json", "claims.choice.md", "report.choice.html")
    assert made[5:] == [f"results/tiny/{name}" for name in names]
    runs = {path.rpartition("/")[0] for path in archiving.records() if path.endswith("run.json") and "/runs/" in path}
    assert runs == {f"results/tiny/{job.path}" for job in archiving.jobs.registry.jobs("table2")}


def test_clusters_of_the_corpora_are_records(archivable: tuple[Path, ArchiveJobs]) -> None:
    """Of those that the runs read: of the whole, and of the part that has the runs."""
    folder, archiving = archivable
    runs = {job.run_group.corpus for job in archiving.jobs.registry.jobs()}
    clusters = {f"results/tiny/corpora/{corpus}/clusters.parquet" for corpus in runs}
    assert {path for path in archiving.records() if path.endswith("clusters.parquet")} == clusters
    for part in (1, 2):
        records = archiving_of(folder, shard=f"{part}/2").records()
        of_runs = {Path(path).parts[3] for path in records if path.endswith("predictions.parquet")}
        assert {f"results/tiny/corpora/{corpus}/clusters.parquet" for corpus in of_runs} <= set(records)


def test_the_page_reads_its_runs(archivable: tuple[Path, ArchiveJobs]) -> None:
    """Every file that the page opens is an input of its job, and so is in the archive."""
    _, archiving = archivable
    *_, page = archiving.archived()
    assert page.script == "build_report"
    read, made = set(archive_paths(page.input)), set(archiving.rebuilt())
    for folder in [job.path for job in archiving.reporting.runs]:
        files = {f"results/tiny/{folder}/{name}" for name in ("run.json", "history.csv", "predictions.parquet")}
        assert files <= read
    assert {f"results/tiny/encoders/{name}/run.json" for name in archiving.reporting.encoders} <= read
    assert read - made <= set(archiving.records())
