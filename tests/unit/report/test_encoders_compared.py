"""Encoders side by side: on the cells that all have, with their size and speed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bertfit.experiments.job_record import EncoderFacts, JobCost
from bertfit.report import encoders_compared


def job(path: str, tokens: int | None = 100, seconds: float | None = 4.0, parameters: int = 7):
    cost = JobCost(seconds=seconds, tokens=tokens, peak_memory_bytes={"process": 1})
    facts = EncoderFacts(family="roberta", way="packed", parameters=parameters)
    return SimpleNamespace(path=path, seconds=seconds, record=SimpleNamespace(cost=cost, encoder=facts))


def study(others: dict, **artefacts: dict):
    """``artefacts``: key -> {(row, column): address}."""
    shown = [
        SimpleNamespace(
            key=key,
            cells=[SimpleNamespace(row=row, column=column, size=None, run=run) for (row, column), run in cells.items()],
        )
        for key, cells in artefacts.items()
    ]
    of = {name: (name.title(), keys) for name, keys in others.items()}
    return SimpleNamespace(study=SimpleNamespace(base="Base", others=of), artefacts=shown)


def run(mean: float, *jobs):
    return SimpleNamespace(mean=mean, jobs=list(jobs))


def test_errors_are_means_over_common_cells_and_jobs_count_once() -> None:
    shared = job("shared")
    runs = {"a": run(10.0, job("1")), "b": run(20.0, job("2")), "x": run(4.0, shared), "y": run(6.0, shared)}
    spec = study(
        {"other": ["table2"]},
        table2={("r", "c"): "a", ("s", "c"): "b", ("t", "c"): "a"},
        table2_other={("r", "c"): "x", ("s", "c"): "y", ("t", "c"): None},
        table3={("r", "c"): "b"},
    )
    found = encoders_compared.compare(spec, runs)
    assert found is not None and found.cells == 2
    assert [(each.title, each.error, each.seconds) for each in found.encoders] == [
        ("Base", 15.0, 8.0),
        ("Other", 5.0, 4.0),
    ]
    assert {each.tokens_per_second for each in found.encoders} == {25.0}
    assert (found.encoders[1].family, found.encoders[1].way, found.encoders[1].parameters) == ("roberta", "packed", 7)


def test_jobs_of_one_block_count_each() -> None:
    """A block of a merged archive whose seeds two contributors trained, in two cells."""
    both = run(10.0, job("1"), job("1", tokens=300))
    runs = {"a": both, "b": both, "x": run(4.0, job("x"))}
    spec = study(
        {"other": ["table2"]},
        table2={("r", "c"): "a", ("s", "c"): "b"},
        table2_other={("r", "c"): "x", ("s", "c"): "x"},
    )
    found = encoders_compared.compare(spec, runs)
    assert found is not None and [(each.seconds, each.tokens_per_second) for each in found.encoders] == [
        (8.0, 50.0),
        (4.0, 25.0),
    ]


@pytest.mark.parametrize("others", [{}, {"other": ["table3"]}])
def test_without_a_common_cell_there_is_nothing_to_compare(others: dict) -> None:
    spec = study(others, table2={("r", "c"): "a"})
    assert encoders_compared.compare(spec, {"a": run(1.0, job("1"))}) is None


def test_what_was_not_timed_is_left_open() -> None:
    spec = study({"other": ["t"]}, t={("r", "c"): "a"}, t_other={("r", "c"): "a"})
    found = encoders_compared.compare(spec, {"a": run(1.0, job("1", tokens=None, seconds=None))})
    assert found is not None and found.encoders[0].tokens_per_second is None and found.encoders[0].seconds == 0
