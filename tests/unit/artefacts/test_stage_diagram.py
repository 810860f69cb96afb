"""Figure 1: which boxes there are, what they span and what the CSV says."""

import struct

import pytest

from bertfit.artefacts import figure_style, stage_diagram
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.study_schema import Artefact
from bertfit.experiments.job_specs import DiagramPath, DiagramSpec, DiagramStage

ARTEFACT = Artefact(
    kind="lineage", number="Figure 1", title="Ways", caption="Ways.", section="4", columns={"imdb": "IMDb"}
)


def stage(kind, label, detail=""):
    return DiagramStage(kind=kind, label=label, detail=detail)


BASE, FINE = stage("base", "BERT-base"), stage("finetuning", "Single-task fine-tuning", "IMDb")
ALL, OWN = (stage("pretraining", "Further pre-training", detail) for detail in ("all; 100,000 steps", "IMDb"))
TASKS = stage("multitask", "Multi-task fine-tuning", "IMDb, AG")
PATHS = [
    DiagramPath(row="FiT", stages=[BASE, FINE]),
    DiagramPath(row="CDPT-FiT", stages=[BASE, ALL, FINE]),
    DiagramPath(row="CDPT-MFiT-FiT", stages=[BASE, ALL, TASKS, FINE]),
]


def build(folder, paths=PATHS):
    folder.mkdir(exist_ok=True)
    files = {form: folder / f"figure1.{form}" for form in ("svg", "png", "csv")}
    spec = DiagramSpec(key="figure1", artefact=ARTEFACT, study="s", comparable=False, paths=paths)
    stage_diagram.build(spec, files=FigureFiles(**files))
    return {form: path.read_bytes() for form, path in files.items()}


def spans(paths):
    return [(box.kind, box.detail, lanes) for box, lanes in stage_diagram.boxes(paths)]


def test_csv(tmp_path):
    assert build(tmp_path)["csv"].decode().splitlines() == [
        "row,stage,kind,label,detail",
        "FiT,1,base,BERT-base,",
        "FiT,2,finetuning,Single-task fine-tuning,IMDb",
        "CDPT-FiT,1,base,BERT-base,",
        'CDPT-FiT,2,pretraining,Further pre-training,"all; 100,000 steps"',
        "CDPT-FiT,3,finetuning,Single-task fine-tuning,IMDb",
        "CDPT-MFiT-FiT,1,base,BERT-base,",
        'CDPT-MFiT-FiT,2,pretraining,Further pre-training,"all; 100,000 steps"',
        'CDPT-MFiT-FiT,3,multitask,Multi-task fine-tuning,"IMDb, AG"',
        "CDPT-MFiT-FiT,4,finetuning,Single-task fine-tuning,IMDb",
    ]


def test_shared_stages_are_drawn_once():
    assert spans(PATHS) == [
        ("base", "", [0, 1, 2]),
        ("finetuning", "IMDb", [0, 1, 2]),
        ("pretraining", "all; 100,000 steps", [1, 2]),
        ("multitask", "IMDb, AG", [2]),
    ]


def test_another_history_is_another_encoder():
    paths = [DiagramPath(row=row, stages=[BASE, text, TASKS, FINE]) for row, text in (("a", OWN), ("b", ALL))]
    assert [lanes for _, detail, lanes in spans(paths) if detail == "IMDb, AG"] == [[0], [1]]


def test_lanes_are_put_so_that_shared_boxes_lie_together():
    apart = [PATHS[2], DiagramPath(row="ITPT-FiT", stages=[BASE, OWN, FINE]), PATHS[1]]
    assert len(stage_diagram.boxes(apart)) == 6
    order = stage_diagram.arrange(apart)
    assert len(stage_diagram.boxes([apart[index] for index in order])) == 5 and order == (0, 2, 1)
    assert stage_diagram.arrange(PATHS) == (0, 1, 2)  # as given where that is as good
    assert stage_diagram.arrange(apart * 3) == tuple(range(9))  # too many to try


def test_lines_keep_their_looks(tmp_path, monkeypatch):
    """Solid, dashed and dotted in the order of the rows, as in the paper, wherever their lanes lie."""
    figures = []
    save = figure_style.save
    monkeypatch.setattr(figure_style, "save", lambda figure, files: (figures.append(figure), save(figure, files)))
    build(tmp_path, [PATHS[2], DiagramPath(row="ITPT-FiT", stages=[BASE, OWN, FINE]), PATHS[1]])
    texts = {text.get_text(): text for text in figures[0].axes[0].texts}
    looks = {name: text.get_color() for name, text in texts.items() if name.endswith("FiT")}
    assert looks == {
        name: figure_style.line(index)["color"] for index, name in enumerate(("CDPT-MFiT-FiT", "ITPT-FiT", "CDPT-FiT"))
    }
    heights = [texts[name].get_position()[1] for name in ("CDPT-MFiT-FiT", "CDPT-FiT", "ITPT-FiT")]
    assert heights == sorted(heights)
    assert [figure_style.line(index)["linestyle"] for index in range(3)] == ["solid", (0, (5, 1.5)), (0, (1, 1))]


def test_files(tmp_path):
    first, second = build(tmp_path / "a"), build(tmp_path / "b")
    assert first == second and b"<dc:date>" not in first["svg"]
    width, _ = struct.unpack(">II", first["png"][16:24])
    assert width <= 200 * figure_style.PAGE + 20  # all four kinds of stages fit onto a page
    assert b"<svg" in build(tmp_path / "c", [])["svg"]
    assert build(tmp_path / "c", [])["csv"] == b"row,stage,kind,label,detail\n"


@pytest.mark.parametrize(
    ("detail", "lines"),
    [
        ("IMDb, Yelp P., Yelp F., TREC", ["IMDb, Yelp P.,", "Yelp F., TREC"]),
        ("a name that is longer than a box", ["a name that is", "longer than a box"]),
        ("", []),
    ],
)
def test_names_stay_whole(detail, lines):
    label, found = stage_diagram._texts(stage("pretraining", "Further pre-training", detail))
    assert [line.replace("\u00a0", " ") for line in found] == lines
    assert label == ["Further", "pre\u2011training"]
