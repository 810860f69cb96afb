"""Figures: the numbers behind the lines, and files that depend on nothing else."""

import struct

import pandas as pd
import pytest

from bertfit.artefacts import figure_style, learning_curves
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import LineSpec, LinesSpec

ARTEFACT = Artefact(
    kind="curves", number="Figure 2", title="Rates", caption="Errors.", section="5.3.3", columns={"imdb": "IMDb"}
)
HEAD = "line,panel,step,epoch,mean,low,high,n,diverged,published,status,reason"
HEADER = "seed,step,epoch,lr,loss,train_error,test_error,validation_error"


def write_histories(folder):
    folder.mkdir(exist_ok=True)
    (folder / "a.csv").write_text(
        f"{HEADER}\n1,10,0.5,1e-5,0.7,20,,\n1,20,1.0,1e-5,0.5,10,8,\n2,10,0.5,1e-5,0.7,30,,\n2,20,1.0,1e-5,0.5,14,9,\n"
    )
    (folder / "b.csv").write_text(f"{HEADER}\n3,10,0.5,1e-5,0.7,28,,\n3,20,1.0,1e-5,0.5,0,13,\n")
    (folder / "c.csv").write_text(f"{HEADER}\n1,10,0.5,1e-5,0.7,50,,\n1,20,1.0,1e-5,0.7,51,50,\n")
    return [
        line("lr=2e-5", [folder / "a.csv", folder / "b.csv"], [1, 2, 3]),
        line("lr=4e-4", [folder / "c.csv"], [1]),
    ]


def line(label, histories=(), seeds=(), **more):
    return LineSpec(label=label, published=label, histories=[str(path) for path in histories], seeds=seeds, **more)


def build(folder, request, comparable=True, lines=None):
    files = {form: folder / f"figure2.{form}" for form in ("svg", "png", "csv")}
    lines = lines or write_histories(folder)
    learning_curves.build(
        LinesSpec(key="figure2", artefact=ARTEFACT, study="s", comparable=comparable, cells=[], lines=lines),
        published=request.config.rootpath / "paper/published.csv",
        files=FigureFiles(**files),
    )
    return {form: path.read_bytes() for form, path in files.items()}


def test_csv(tmp_path, request):
    build(tmp_path, request, comparable=False)
    assert (tmp_path / "figure2.csv").read_text().splitlines() == [
        HEAD,
        "lr=2e-5,train,10,0.5000,26.0000,20.0000,30.0000,3,0,,ok,",
        "lr=2e-5,train,20,1.0000,8.0000,0.0000,14.0000,3,0,,ok,",
        "lr=2e-5,test,20,1.0000,10.0000,8.0000,13.0000,3,0,,ok,",
        "lr=4e-4,train,10,0.5000,50.0000,50.0000,50.0000,1,0,,ok,",
        "lr=4e-4,train,20,1.0000,51.0000,51.0000,51.0000,1,0,,ok,",
        "lr=4e-4,test,20,1.0000,50.0000,50.0000,50.0000,1,0,,ok,",
    ]


def test_runs_that_diverged_go_on_with_the_constant_guess(tmp_path, request):
    """Seed 2 diverges between two evaluations of seed 1; of the other line all do, up to the end of the figure."""
    (tmp_path / "some.csv").write_text(
        f"{HEADER}\n1,10,0.5,1e-5,0.7,30,20,\n1,20,1.0,1e-5,0.7,20,10,\n"
        "2,10,0.5,1e-5,0.7,40,30,\n2,15,0.75,1e-5,,52,50,\n"
    )
    (tmp_path / "all.csv").write_text(
        f"{HEADER}\n1,3,0.15,1e-5,,52,50,\n2,10,0.5,1e-5,0.7,45,40,\n2,16,0.8,1e-5,,52,50,\n"
    )
    lines = [line("some", [tmp_path / "some.csv"], [1, 2]), line("all", [tmp_path / "all.csv"], [1, 2])]
    figure = build(tmp_path, request, comparable=False, lines=lines)
    rows = [row for row in (tmp_path / "figure2.csv").read_text().splitlines() if ",test," in row]
    assert rows == [
        "some,test,10,0.5000,25.0000,20,30,2,0,,ok,",
        "some,test,20,1.0000,30.0000,10,50,2,1,,ok,",
        "all,test,10,0.5000,45.0000,40,50,2,1,,ok,",
        "all,test,16,0.8000,50.0000,50,50,2,2,,ok,",
        "all,test,20,1.0000,50.0000,50,50,2,2,,ok,",
    ]
    assert b"diverged: constant guess from here on" in figure["svg"]
    assert b"diverged" not in build(tmp_path, request, comparable=False)["svg"]


def test_only_the_seeds_of_the_line_count(tmp_path, request):
    lines = write_histories(tmp_path)
    lines[0] = lines[0].model_copy(
        update={"seeds": [1, 3]}
    )  # a block may hold seeds that only another artefact asks for
    build(tmp_path, request, comparable=False, lines=lines)
    assert "lr=2e-5,train,10,0.5000,24.0000,20.0000,28.0000,2," in (tmp_path / "figure2.csv").read_text()


def test_published_values(tmp_path, request):
    build(tmp_path, request)
    frame = pd.read_csv(tmp_path / "figure2.csv")
    paper = frame.dropna(subset=["published"])
    assert len(paper) == 2 * 2 * 6 and paper["mean"].isna().all() and paper["n"].isna().all()
    mine = paper[(paper.line == "lr=2e-5") & (paper.panel == "test")]  # the paper's dev error
    assert list(zip(mine["step"], mine["published"], strict=True)) == [
        (300, 6.6),
        (750, 5.9),
        (1500, 5.6),
        (2500, 5.5),
        (3500, 5.5),
        (4500, 5.2),
    ]
    assert len(frame) == 24 + 6


def test_files(tmp_path, request):
    first, second = (build(tmp_path / name, request) for name in "ab")
    assert first == second
    width, height = struct.unpack(">II", first["png"][16:24])
    assert (width, height) == (round(200 * figure_style.PAGE), 580)
    assert b"<svg" in first["svg"] and b"<dc:date>" not in first["svg"] and b"tEXt" not in first["png"]
    assert first["svg"] != build(tmp_path / "c", request, comparable=False)["svg"]


def test_a_users_own_settings_change_nothing(tmp_path, request):
    import matplotlib

    plain = build(tmp_path / "a", request)
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 50, "svg.fonttype": "none"}):
        assert build(tmp_path / "b", request) == plain
        assert matplotlib.rcParams["font.size"] == 20


def test_a_missing_seed(tmp_path, request):
    lines = write_histories(tmp_path)
    lines[1] = lines[1].model_copy(update={"seeds": [1, 2]})
    with pytest.raises(UserError, match=r"lr=4e-4: no history of seed \[2\]"):
        build(tmp_path, request, lines=lines)


def test_lines_differ_without_colour():
    assert len({str(figure_style.line(index)["linestyle"]) for index in range(7)}) == 7
    assert len({figure_style.line(index)["color"] for index in range(7)}) == 7


def test_unavailable_lines_stop_nothing(tmp_path, request, monkeypatch):
    notes = []
    save = figure_style.save
    monkeypatch.setattr(
        figure_style, "save", lambda figure, files: (notes.append(figure.get_supxlabel()), save(figure, files))
    )
    lines = write_histories(tmp_path)
    empty, other = (line(label, status="not available", reason="left out") for label in ("lr=1e-3", "lr=2e-3"))
    some = build(tmp_path / "a", request, lines=[lines[0], empty])
    rows = some["csv"].decode().splitlines()
    assert rows[-1] == "lr=1e-3,,,,,,,,,,not available,left out" and rows[1].startswith("lr=2e-5,train,10,")
    none = build(tmp_path / "b", request, lines=[empty.model_copy(update={"status": "not applicable"})])
    assert none["csv"].decode() == f"{HEAD}\nlr=1e-3,,,,,,,,,,not applicable,left out\n" and b"<svg" in none["svg"]
    build(tmp_path / "c", request, lines=lines)
    build(tmp_path / "d", request, lines=[lines[0], empty, other])
    assert notes == ["lr=1e-3: not available, left out", "", "", "lr=1e-3, lr=2e-3: not available, left out"]
