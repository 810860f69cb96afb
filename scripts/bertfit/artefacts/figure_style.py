"""Style of all figures: palette and sizes; files whose bytes depend on their content only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bertfit.core.files import atomic
from bertfit.runtime.rule_job import JobFiles

# The palette of Okabe and Ito, distinguishable with common colour blindness, without yellow, too pale for lines.
_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
_DASHES: list[Any] = ["solid", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1)), (0, (8, 2)), (0, (2, 2))]


@dataclass(frozen=True)
class FigureFiles:
    """Output of a figure: two images and the data that they show."""

    svg: Path
    png: Path
    csv: Path

    @classmethod
    def of(cls, output: JobFiles) -> FigureFiles:
        """The outputs of these names of a rule."""
        return cls(output["svg"], output["png"], output["csv"])


def line(index: int) -> dict[str, Any]:
    """Colour and dashes of line ``index``; the dashes distinguish lines in greyscale."""
    return {"color": _COLOURS[index % len(_COLOURS)], "linestyle": _DASHES[index % len(_DASHES)]}


def dots(index: int) -> dict[str, Any]:
    """Style of line ``index`` with filled markers of the same shape as those of `hollow`."""
    return {**line(index), "marker": _MARKERS[index % len(_MARKERS)], "markersize": 3.5}


def hollow(index: int | None) -> dict[str, Any]:
    """Marker of the published values of line ``index``; None: for the legend entry of all published values."""
    colour = "#444444" if index is None else _COLOURS[index % len(_COLOURS)]
    shape = {"marker": _MARKERS[(index or 0) % len(_MARKERS)], "markersize": 4.5}
    return {**shape, "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.0}


PAGE = 6.9
"""width of two journal columns, in inches"""
COLUMN = 3.35
"""width of one journal column, in inches"""

RC: Any = {
    "font.family": "DejaVu Sans",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "svg.hashsalt": "bertfit",  # otherwise ids in the file are random
    "svg.fonttype": "path",  # looks the same where the font is missing
}


@contextmanager
def context() -> Iterator[None]:
    """Apply the settings for drawing and saving, and ignore the user's ``matplotlibrc``."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def save(figure: Figure, files: FigureFiles) -> None:
    """Write the images of a figure, the PNG with 200 dpi, without date or version. Call within `context`."""
    FigureCanvasAgg(figure)
    svg, png = {"Date": None, "Creator": None}, {"Software": None}
    for path, kind, metadata in ((files.svg, "svg", svg), (files.png, "png", png)):
        with atomic(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)


def explain_empty(axis: Axes, reasons: Sequence[str]) -> None:
    """Write the reasons why a figure is empty into it."""
    text = "\n".join(["not available", *dict.fromkeys(reason for reason in reasons if reason)])
    axis.set(xticks=[], yticks=[])
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", wrap=True)
