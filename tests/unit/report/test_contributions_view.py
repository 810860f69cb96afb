"""Counts of runs by contributor, and what was done again with other results."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.contributions.contributed import Contributed, Contribution, RepeatedRun, UsedMachine
from bertfit.core.errors import UserError
from bertfit.report import contributions_view


def contribution(name: str, *paths: str, seconds: float | None = 2.0) -> Contribution:
    machine = UsedMachine(device=f"GPU {name}", system="S", versions={"torch": "2"}, jobs=dict.fromkeys(paths, seconds))
    return Contribution(contributor=name, machines=[machine])


def repeated(seed: int, errors: tuple[float, float], changed: int) -> RepeatedRun:
    return RepeatedRun(
        run="imdb/mini/default", seed=seed, kept="A", other="B", devices=("x", "y"), errors=errors, examples=50,
        changed=changed, logits=0.5,
    )  # fmt: skip


def test_by_hand() -> None:
    """A has seeds 1 to 3, B 2 to 4 in other blocks: two runs are of both, and one of them differs."""
    a = contribution("A", "encoders/mini", "runs/imdb/mini/default/seeds1-2", "runs/imdb/mini/default/seeds3-3")
    b = contribution("B", "runs/imdb/mini/default/seeds2-4", "runs/imdb/tfidf/default/seeds1-1", seconds=None)
    view = contributions_view.view(Contributed(by=[a, b], runs=[repeated(2, (20.0, 23.0), 5)]))
    first, second = view.contributors
    assert (first.name, first.seeds, first.runs, first.encoders) == ("A", "1–3", 3, 1)
    assert (second.name, second.seeds, second.runs, second.encoders) == ("B", "1–4", 4, 0)
    assert (first.shared, first.different, second.shared, second.different) == (2, 1, 2, 1)
    assert (first.seconds, second.seconds) == (6.0, 0.0) and first.machines[0].versions == "torch 2"
    assert (view.repeated, view.furthest, view.changed) == (1, 3.0, 10.0)


def test_many_runs_are_cut_and_counted() -> None:
    rows = [repeated(seed, (20.0, 20.0 + seed % 3), 0) for seed in range(150)]
    view = contributions_view.view(Contributed(by=[], runs=rows))
    assert (view.repeated, len(view.runs), view.furthest, view.changed) == (150, 100, 2.0, 0.0)


def test_spans() -> None:
    assert contributions_view.spans({7, 1, 2, 3}) == "1–3, 7" and contributions_view.spans(set()) == ""


@pytest.mark.parametrize("block", ["all", "seeds1-99999", "seeds2-1", "seeds1-99999999999"])
def test_jobs_that_are_no_blocks(block: str) -> None:
    with pytest.raises(UserError, match="is not a block of seeds"):
        contributions_view.view(Contributed(by=[contribution("A", f"runs/imdb/mini/default/{block}")]))


def test_section(tmp_path: Path) -> None:
    """Names of machines are text; the section is only there for a merged archive."""
    from bertfit.report import report_page

    a = contribution("A & Co", "runs/imdb/mini/default/seeds1-2")
    contributed = Contributed(by=[a], runs=[repeated(2, (20.0, 23.0), 5).model_copy(update={"devices": ("<b>", "y")})])
    template = report_page._environment().get_template("contributions.html")
    page = template.render(contributions=contributions_view.view(contributed), runs={})
    assert "A &amp; Co" in page and "&lt;b&gt;" in page and "<b>" not in page
    assert "1 run was made by two contributors" in page and "5 of 50" in page and "+3.00" in page
