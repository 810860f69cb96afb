"""Figure 4: errors against the share of the training set."""

import struct

import pandas as pd
import pytest

from bertfit.artefacts import figure_style, training_set_size
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import CellSpec, CellsSpec
from conftest import ROOT
from helpers import madeup

ARTEFACT = Artefact(
    kind="sizes",
    number="Figure 4",
    title="Few-shot",
    caption="Errors.",
    section="5.6",
    columns={"imdb": "IMDb"},
    rows={"BERT-FiT": {}, "ours": {"published": "BERT-ITPT-FiT"}},
    sizes={"0.4": {"examples": 100}, "100": {}},
)
ERRORS = {("BERT-FiT", "0.4"): (360, 340), ("BERT-FiT", "100"): (110, 112), ("ours", "100"): (90,)}
"""(row, size) -> wrong answers of 2000, per seed; two fewer at the best epoch"""


def cell(row, size, share, status="ok", reason=""):
    ok = status == "ok"
    seeds = list(range(1, len(ERRORS[row, size]) + 1)) if ok else []
    return CellSpec(
        row=row, column="IMDb", corpus="imdb", encoder=row if ok else None,
        recipe=f"fraction={size}" if ok else None, size=size, share=share, seeds=seeds, status=status, reason=reason,
    )  # fmt: skip


CELLS = [
    cell("BERT-FiT", "0.4", 0.4),
    cell("BERT-FiT", "100", 100.0),
    cell("ours", "0.4", None, "not applicable", "8 of 2000 examples are too few"),
    cell("ours", "100", 100.0),
]


def build(folder, cells=CELLS, comparable=True):
    folder.mkdir(exist_ok=True)
    runs = {("imdb", row, f"fraction={size}"): [(wrong, wrong - 2) for wrong in counts]
            for (row, size), counts in ERRORS.items()}  # fmt: skip
    madeup.results(folder / "scores.parquet", runs, 2000)
    files = {form: folder / f"figure4.{form}" for form in ("svg", "png", "csv")}
    training_set_size.build(
        CellsSpec(key="figure4", artefact=ARTEFACT, study="s", comparable=comparable, cells=cells),
        results=folder / "scores.parquet",
        published=ROOT / "paper/published.csv",
        files=FigureFiles(**files),
    )
    return {form: path.read_bytes() for form, path in files.items()}


def test_csv(tmp_path):
    lines = build(tmp_path)["csv"].decode().splitlines()
    assert lines[0] == (
        "row,size,share,n,mean,std,low,high,mean_best,published,delta_best,delta_low,delta_high,agrees,"
        "status,reason,note"
    )
    assert (
        lines[1]
        == "BERT-FiT,0.4,0.4000,2,17.5000,0.7071,16.5000,19.5000,17.4000,17.2600,0.1400,-0.3600,0.6400,yes,ok,,"
    )
    assert lines[3] == "ours,0.4,,,,,,,,9.2300,,,,,not applicable,8 of 2000 examples are too few,"
    frame = pd.read_csv(tmp_path / "figure4.csv").set_index(["row", "size"])
    full = frame.loc[("BERT-FiT", 100.0)]
    assert full[["n", "mean", "mean_best", "published", "delta_best"]].tolist() == [2, 5.55, 5.45, 5.42, 0.03]
    ours = frame.loc[("ours", 100.0)]  # called BERT-ITPT-FiT in the paper; one seed has no deviation
    assert ours[["n", "mean", "published"]].tolist() == [1, 4.5, 4.37] and pd.isna(ours["std"])


def test_what_a_run_lacks_stands_last(tmp_path):
    lines = (
        build(tmp_path, [CELLS[0].model_copy(update={"note": "without Yahoo"}), *CELLS[1:]])["csv"]
        .decode()
        .splitlines()
    )
    assert [line.rpartition(",")[2] for line in lines] == ["note", "without Yahoo", "", "", ""]


def test_published_values_are_drawn_and_compared_only_where_comparable(tmp_path):
    beside, ours = build(tmp_path / "a"), build(tmp_path / "b", comparable=False)
    frame = pd.read_csv(tmp_path / "b/figure4.csv")
    assert frame["delta_best"].isna().all() and frame["published"].tolist() == [17.26, 5.42, 9.23, 4.37]
    assert ours["svg"] != beside["svg"] and build(tmp_path / "c") == beside
    width, height = struct.unpack(">II", beside["png"][16:24])
    assert (width, height) == (round(200 * figure_style.COLUMN), 580)


def drawn(monkeypatch, folder, **options):
    """The axis of the figure, as it is when it is saved."""
    axes = []
    save = figure_style.save
    monkeypatch.setattr(figure_style, "save", lambda figure, files: (axes.append(figure.axes[0]), save(figure, files)))
    build(folder, **options)
    return axes[0]


def test_what_is_drawn(tmp_path, monkeypatch):
    axis = drawn(monkeypatch, tmp_path)
    assert axis.get_xscale() == "log" and axis.get_ylim()[0] == 0
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.4", "100"]
    points = [list(zip(*line.get_data(), strict=True)) for line in axis.lines if len(line.get_xdata())]
    assert [(0.4, 17.5), (100, 5.55)] in points and [(100, 4.5)] in points  # nothing of the cell without a run
    hollow = [line for line in axis.lines if line.get_markerfacecolor() == "none"]
    assert [list(line.get_ydata()) for line in hollow] == [[17.26, 5.42], [4.37]]
    whiskers = axis.containers[0].lines[2][0].get_segments()[0]
    assert whiskers[:, 1].tolist() == pytest.approx([16.5, 19.5])
    band = axis.collections[1].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(5.55 - 0.05 * 2**0.5) and band.max() == pytest.approx(17.5 + 0.5**0.5)


def test_crowded_shares_keep_their_ticks_and_lose_some_numbers(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    training_set_size._share_axis(axis, [0.4, 1, 2, 4, 10, 20, 40, 60, 80, 100])
    assert list(axis.get_xticks()) == [0.4, 1, 2, 4, 10, 20, 40, 60, 80, 100]
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names == ["0.4", "1", "2", "4", "10", "20", "40", "60", "", "100"]


def test_unavailable_runs_stop_nothing(tmp_path):
    none = [cell("BERT-FiT", size, None, "not available", "left out") for size in ("0.4", "100")]
    empty = build(tmp_path, none)
    assert empty["csv"].decode().splitlines()[1:] == [
        "BERT-FiT,0.4,,,,,,,,17.2600,,,,,not available,left out,",
        "BERT-FiT,100,,,,,,,,5.4200,,,,,not available,left out,",
    ]
    assert b"<svg" in empty["svg"]


def test_a_missing_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no run imdb/ours/fraction=100 with seed \[2\]"):
        build(tmp_path, [CELLS[3].model_copy(update={"seeds": [1, 2]})])
