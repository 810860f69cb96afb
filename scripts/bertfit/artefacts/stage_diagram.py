"""Diagram of the stages of training (figure 1 of the paper), from base encoders to classifiers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import permutations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from bertfit.artefacts import figure_style
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.artefacts.paper_comparison import write_csv
from bertfit.experiments.job_specs import DiagramPath, DiagramSpec, DiagramStage

KINDS = ("base", "pretraining", "multitask", "finetuning")
"""kinds of stages, from left to right"""
_WIDTH, _GAP, _NAMES = 1.08, 0.28, 1.28  # inches: width of a box, gap between boxes, width of the rows' names
_LINE, _MARGIN = 0.125, 0.09  # inches: height of a line of text, margin around text and boxes
_BOLD, _SMALL = 14, 19  # characters that fit into a box, in bold and in small type
_MAX_REORDERED = 6  # paths; all their permutations are tried


Box = tuple[DiagramStage, list[int]]
"""a stage and the neighbouring lanes that its box covers"""


def build(spec: DiagramSpec, *, files: FigureFiles) -> None:
    """Draw the paths as lanes from left to right; a stage that neighbouring lanes share is one box over them.

    Lanes differ in colour and dashes. The CSV has ``row,stage,kind,label,detail``, with stages counted from 1. If there
    is no path, the figure says so.
    """
    paths = spec.paths
    write_csv(
        [
            {"row": path.row, "stage": number, **stage.model_dump()}
            for path in paths
            for number, stage in enumerate(path.stages, 1)
        ],
        ("row", "stage", "kind", "label", "detail"),
        files.csv,
    )
    with figure_style.context():
        if paths:
            order = arrange(paths)
            figure = _figure([paths[index] for index in order], order)
        else:
            figure = Figure(figsize=(figure_style.COLUMN, 1.2), layout="constrained")
            figure_style.explain_empty(
                figure.subplots(), [f"{spec.artefact.number}: none of its encoders is available"]
            )
        figure_style.save(figure, files)


def arrange(paths: Sequence[DiagramPath]) -> tuple[int, ...]:
    """Order of the lanes (indices of ``paths``) that needs the fewest boxes; the given order if it needs no more.

    More than `_MAX_REORDERED` paths keep their order.
    """
    if len(paths) > _MAX_REORDERED:
        return tuple(range(len(paths)))
    orders = permutations(range(len(paths)))  # begins with the given order, and `min` returns the first minimum
    return min(orders, key=lambda order: len(boxes([paths[index] for index in order])))


def boxes(lanes: Sequence[DiagramPath]) -> list[Box]:
    """The boxes of all lanes; equal stages in neighbouring lanes share a box if all earlier stages are equal."""
    result: list[Box] = []
    previous_lane: dict[tuple[tuple[str, ...], ...], Box] = {}
    for lane, path in enumerate(lanes):
        this_lane: dict[tuple[tuple[str, ...], ...], Box] = {}
        for number, stage in enumerate(path.stages):
            # equal last stages share a box whatever the earlier stages
            prefix = path.stages[: number + 1] if number + 1 < len(path.stages) else [stage]
            name = tuple((step.kind, step.label, step.detail) for step in prefix)
            box = previous_lane.get(name) or (stage, [])
            if not box[1]:
                result.append(box)
            box[1].append(lane)
            this_lane[name] = box
        previous_lane = this_lane
    return result


def _figure(lanes: Sequence[DiagramPath], order: Sequence[int]) -> Figure:
    kinds = [kind for kind in KINDS if any(stage.kind == kind for path in lanes for stage in path.stages)]
    left = {kind: place * (_WIDTH + _GAP) for place, kind in enumerate(kinds)}
    width = len(kinds) * (_WIDTH + _GAP) + _NAMES
    drawn = boxes(lanes)
    lane = max((_height(stage) + _MARGIN) / len(covered) for stage, covered in drawn)
    figure = Figure(figsize=(width + 2 * _MARGIN, lane * len(lanes) + 2 * _MARGIN))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(-_MARGIN, width + _MARGIN), ylim=(lane * len(lanes) + _MARGIN, -_MARGIN))
    axis.axis("off")
    for row, (path, index) in enumerate(zip(lanes, order, strict=True)):
        _lane(axis, path, [left[stage.kind] for stage in path.stages], (row + 0.5) * lane, index)
    for stage, covered in drawn:
        _box(axis, stage, left[stage.kind], covered[0] * lane, (covered[-1] + 1) * lane)
    return figure


def _lane(axis: Axes, path: DiagramPath, places: Sequence[float], y: float, index: int) -> None:
    """Arrows between the boxes of a lane and to its name."""
    look = figure_style.line(index)
    ends = [*places[1:], places[-1] + _WIDTH + _GAP]
    for start, end in zip(places, ends, strict=True):
        axis.plot([start + _WIDTH, end - 0.07], [y, y], zorder=1, solid_capstyle="butt", **look)
        axis.plot(end - 0.045, y, marker=">", markersize=5, linestyle="none", color=look["color"], zorder=1)
    name = {"color": look["color"], "va": "center", "ha": "left", "fontweight": "bold", "fontsize": 7}
    axis.text(ends[-1] + 0.04, y, textwrap.fill(path.row, 19), **name)


def _box(axis: Axes, stage: DiagramStage, left: float, top: float, bottom: float) -> None:
    """A box with centred texts."""
    half = _MARGIN / 2
    shape = FancyBboxPatch(
        (left, top + half), _WIDTH, bottom - top - _MARGIN, boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="#f4f4f4", edgecolor="#444444", linewidth=0.8, zorder=2,
    )  # fmt: skip
    axis.add_patch(shape)
    label, detail = _texts(stage)
    y = (top + bottom) / 2 - _LINE * (len(label) + len(detail) - 1) / 2
    for number, text in enumerate([*label, *detail]):
        weight, size = ("bold", 7.5) if number < len(label) else ("normal", 6.5)
        axis.text(left + _WIDTH / 2, y, text, ha="center", va="center", fontsize=size, fontweight=weight, zorder=3)
        y += _LINE


def _texts(stage: DiagramStage) -> tuple[list[str], list[str]]:
    """Lines of label and detail, wrapped to fit into a box; short names in the detail are not broken."""
    label = stage.label.replace("pre-training", "pre\u2011training")  # with a hyphen that does not break
    names = re.split(r"(?<=[,;]) ", stage.detail)
    detail = " ".join(name.replace(" ", "\u00a0") if len(name) <= _SMALL else name for name in names)
    return textwrap.wrap(label, _BOLD), textwrap.wrap(detail, _SMALL)


def _height(stage: DiagramStage) -> float:
    label, detail = _texts(stage)
    return _LINE * (len(label) + len(detail)) + 2 * _MARGIN
