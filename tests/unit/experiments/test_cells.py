"""Cells by hand: what stands in one without a run, and the folder of a job."""

from __future__ import annotations

import pytest

from bertfit.config.reasons import NotApplicable, Unavailable
from bertfit.experiments.cells import Cell, Content, Job, Quoted, RunGroup

RUN = RunGroup("imdb", "mini~imdb@15.s1", "lr=0.1")


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (RUN, "ok", ""),
        (Unavailable("no files"), "not available", "no files"),
        (NotApplicable("the encoder has 6 layers"), "not applicable", "the encoder has 6 layers"),
        (Quoted(), "quoted", ""),
    ],
)
def test_a_cell_without_a_run_says_why(content: Content, status: str, reason: str) -> None:
    cell = Cell("row", "IMDb", "imdb", content)
    assert (cell.status, cell.reason) == (status, reason)
    assert cell.run_group == (RUN if status == "ok" else None)


def test_the_folder_and_seeds_of_a_job() -> None:
    job = Job(RUN, "seeds1-3")
    assert job.path == "runs/imdb/mini~imdb@15.s1/lr=0.1/seeds1-3" and job.seeds == [1, 2, 3]
