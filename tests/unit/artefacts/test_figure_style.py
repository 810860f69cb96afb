"""Style of all figures: names are no markup, the same bytes again, lines that can be told apart."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles


def test_a_figure_takes_a_name_for_a_name(tmp_path: Path) -> None:
    name = "$\\frac{ <script>alert(1)</script> & 5 $"
    with figure_style.context():
        figure = Figure()
        figure.suptitle(name)
        figure.savefig(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<script" not in text


def test_lines_can_be_told_apart_without_colour() -> None:
    """Seven colours, dashes and markers; the eighth line is drawn as the first."""
    styles = [figure_style.dots(index) for index in range(7)]
    for key in ("color", "linestyle", "marker"):
        assert len({str(style[key]) for style in styles}) == 7
    assert figure_style.dots(7) == styles[0]
    assert [figure_style.hollow(index)["marker"] for index in range(7)] == [style["marker"] for style in styles]
    assert figure_style.hollow(3)["markeredgecolor"] == styles[3]["color"]
    assert figure_style.hollow(None)["markeredgecolor"] not in {style["color"] for style in styles}


def test_the_same_figure_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with figure_style.context():
            figure = Figure()
            figure.subplots().plot([1, 2], [3, 4], **figure_style.dots(0))
            files = FigureFiles(*(tmp_path / f"{name}.{kind}" for kind in ("svg", "png", "csv")))
            figure_style.save(figure, files)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert "<dc:date>" not in (tmp_path / "a.svg").read_text() and b"Software" not in (tmp_path / "a.png").read_bytes()


def test_settings_of_the_user_are_ignored_and_given_back() -> None:
    with matplotlib.rc_context({"font.size": 31}):
        with figure_style.context():
            assert matplotlib.rcParams["font.size"] == 8
        assert matplotlib.rcParams["font.size"] == 31


def test_an_empty_figure_says_why_once() -> None:
    axis = Figure().subplots()
    figure_style.explain_empty(axis, ["no files", "", "no files", "left out"])
    assert [text.get_text() for text in axis.texts] == ["not available\nno files\nleft out"]
