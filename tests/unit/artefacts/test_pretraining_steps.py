"""Figure 3: errors against steps of further pre-training."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bertfit.artefacts import figure_style, pretraining_steps
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import CellSpec, CellsSpec
from conftest import ROOT
from helpers import madeup

FIGURE = {"kind": "steps", "number": "Figure 3", "title": "Steps", "caption": "Errors.", "section": "5.4.1"}
ERRORS = {("bert", 1): (112, 110), ("bert", 2): (114, 108), ("bert~imdb@1k.s1", 1): (100, 98),
          ("bert~imdb@1k.s1", 2): (106, 104), ("bert~imdb@100k.s1", 1): (90, 80),
          ("bert~imdb@7k.s1", 1): (106, 104)}  # fmt: skip
"""(encoder, seed) -> wrong answers of 2000, of the last and the best epoch"""


def results(folder: Path) -> Path:
    runs: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for (encoder, _), pair in ERRORS.items():
        runs.setdefault(("imdb", encoder, "default"), []).append(pair)
    madeup.results(folder / "scores.parquet", runs, 2000)
    return folder / "scores.parquet"


def point(row: str, steps: int, encoder: str | None, seeds: tuple[int, ...] = (), reason: str = "") -> CellSpec:
    return CellSpec(
        row=row,
        column="IMDb",
        steps=steps,
        corpus="imdb",
        encoder=encoder,
        recipe="default",
        seeds=list(seeds),
        status="not available" if reason else "ok",
        reason=reason,
    )


POINTS = [
    point("0", 0, "bert", (1, 2)),
    point("1k", 1000, "bert~imdb@1k.s1", (1, 2)),
    point("2k", 2000, None, reason="no corpus"),
    point("100k", 100_000, "bert~imdb@100k.s1", (1,)),
    point("7k", 7000, "bert~imdb@7k.s1", (1,)),
]


def build(folder: Path, points: list[CellSpec], comparable: bool = True) -> dict[str, bytes]:
    files = {form: folder / f"figure3.{form}" for form in ("svg", "png", "csv")}
    artefact = Artefact.model_validate(FIGURE | {"columns": {"imdb": "IMDb"}})
    pretraining_steps.build(
        CellsSpec(key="figure3", artefact=artefact, study="s", comparable=comparable, cells=points),
        results=results(folder),
        published=ROOT / "paper/published.csv",
        files=FigureFiles(**files),
    )
    return {form: path.read_bytes() for form, path in files.items()}


def test_csv(tmp_path: Path) -> None:
    build(tmp_path, POINTS)
    lines = (tmp_path / "figure3.csv").read_text().splitlines()
    assert lines[0] == (
        "row,steps,n,mean,std,low,high,mean_best,published_steps,published,delta_best,delta_low,delta_high,agrees,"
        "status,reason,note"
    )
    assert lines[1] == "0,0,2,5.6500,0.0707,4.6500,7.6500,5.4500,0,5.6300,-0.1800,-0.6800,0.3200,yes,ok,,"
    assert lines[3] == "2k,2000,,,,,,,2000,5.3800,,,,,not available,no corpus,"
    frame = pd.read_csv(tmp_path / "figure3.csv").set_index("row")
    assert frame.loc["1k", ["n", "mean", "mean_best", "published"]].tolist() == [2, 5.15, 5.05, 5.54]
    assert frame.loc["100k", ["n", "mean", "mean_best", "published", "delta_best"]].tolist() == [1, 4.5, 4, 4.37, -0.37]
    assert frame.loc["7k", "mean"] == 5.3  # the paper has no such point
    assert frame.loc["7k", ["published_steps", "published", "delta_best"]].isna().all()
    assert frame.loc["100k", ["low", "high"]].tolist() == [3.5, 6.5]


def test_published_values_are_drawn_and_compared_only_where_comparable(tmp_path: Path) -> None:
    ours, beside = build(tmp_path / "a", POINTS, comparable=False), build(tmp_path / "b", POINTS)
    frame = pd.read_csv(tmp_path / "a/figure3.csv")
    assert frame["delta_best"].isna().all() and frame["published"].tolist()[:4] == [5.63, 5.54, 5.38, 4.37]
    assert ours["svg"] != beside["svg"] and build(tmp_path / "c", POINTS) == beside


def test_a_published_value_keeps_its_own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a study whose multiples of steps are others, the row's name says what the published value belongs to."""
    drawn = []
    save = figure_style.save
    monkeypatch.setattr(figure_style, "save", lambda figure, files: (drawn.append(figure.axes[0]), save(figure, files)))
    last = point("100k", 10_000, "bert~imdb@100k.s1", (1,))
    shorter = [POINTS[0], last.model_copy(update={"note": "without Yahoo"})]
    for comparable in (True, False):
        build(tmp_path, shorter, comparable)
        values = (tmp_path / "figure3.csv").read_text().splitlines()[2].split(",")
        assert (values[1], values[8:]) == ("10000", ["100000", "4.3700", *[""] * 4, "ok", "", "without Yahoo"])
    hollow = [line.get_xdata() for line in drawn[0].lines if line.get_markerfacecolor() == "none"]
    assert [list(x) for x in hollow] == [[0, 100_000]] and drawn[0].get_xlim()[1] > 100_000 > drawn[1].get_xlim()[1]
    assert not any(line.get_markerfacecolor() == "none" for line in drawn[1].lines)


def test_unavailable_runs_stop_nothing(tmp_path: Path) -> None:
    assert b"<svg" in build(tmp_path / "a", POINTS[:1])["svg"]
    assert b"<svg" in build(tmp_path / "b", POINTS[1:])["svg"]
    empty = build(tmp_path / "c", [point("0", 0, None, reason="left out"), point("1k", 1000, None, reason="left out")])
    assert empty["csv"].decode().splitlines()[1:] == [
        "0,0,,,,,,,0,5.6300,,,,,not available,left out,", "1k,1000,,,,,,,1000,5.5400,,,,,not available,left out,"
    ]  # fmt: skip


def test_a_missing_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run imdb/bert~imdb@100k\.s1/default with seed \[2\]"):
        build(tmp_path, [point("100k", 100_000, "bert~imdb@100k.s1", (1, 2))])


def test_one_corpus_only() -> None:
    with pytest.raises(ValueError, match="shows one corpus, columns has 2"):
        Artefact.model_validate(FIGURE | {"columns": {"imdb": "IMDb", "ag": "AG"}})
