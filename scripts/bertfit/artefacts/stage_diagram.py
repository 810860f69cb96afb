"""The ways of fine-tuning (figure 1 of the paper): from a base encoder through its stages to a classifier."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from bertfit.artefacts import figure_style
from bertfit.artefacts.paper_comparison import write_csv
from bertfit.config.study_schema import Artefact
from bertfit.experiments.job_specs import DiagramPath, DiagramStage

KINDS = ("base", "pretraining", "multitask", "finetuning")
"""kinds of stages, from left to right"""
_WIDTH, _GAP, _NAMES = 1.08, 0.28, 1.28  # inches: a box, between two, the names of the ways
_LINE, _MARGIN = 0.125, 0.09  # inches: a line of text, around text and boxes
_BOLD, _SMALL = 14, 19  # characters that fit into a box
_REORDERED = 6  # paths that are put in another order


Box = tuple[DiagramStage, list[int]]
"""a stage and the lanes it covers, which lie beside each other"""


def build(*, artefact: Artefact, paths: Sequence[DiagramPath], svg: Path, png: Path, csv: Path) -> None:
    """Draw the paths as lanes from left to right; a stage that several share is one box over their lanes.

    Lines are told apart by colour and dashes. The CSV has ``row,stage,kind,label,detail``, stages counted from 1.
    Without a path the figure says so.
    """
    write_csv(
        [
            {"row": path.row, "stage": number, **stage.model_dump()}
            for path in paths
            for number, stage in enumerate(path.stages, 1)
        ],
        ("row", "stage", "kind", "label", "detail"),
        csv,
    )
    with figure_style.context():
        if paths:
            order = arrange(paths)
            figure = _figure([paths[index] for index in order], order)
        else:
            figure = Figure(figsize=(figure_style.COLUMN, 1.2), layout="constrained")
            figure_style.say(figure.subplots(), [f"{artefact.number}: none of its encoders is available"])
        figure_style.save(figure, svg, png)


def arrange(paths: Sequence[DiagramPath]) -> tuple[int, ...]:
    """Order of the lanes, as indices of ``paths``, in which the fewest boxes suffice; the given one if it is as good.

    Only of up to six paths; more keep their order.
    """
    if len(paths) > _REORDERED:
        return tuple(range(len(paths)))
    orders = permutations(range(len(paths)))  # begins with the given one, and `min` keeps the first of equals
    return min(orders, key=lambda order: len(boxes([paths[index] for index in order])))


def boxes(lanes: Sequence[DiagramPath]) -> list[Box]:
    """The stages of all lanes; the same stage in neighbouring lanes is one box if it is reached by the same stages."""
    found: list[Box] = []
    before: dict[tuple[tuple[str, ...], ...], Box] = {}
    for lane, path in enumerate(lanes):
        here: dict[tuple[tuple[str, ...], ...], Box] = {}
        for number, stage in enumerate(path.stages):
            # the last stage is shared by its name alone: there all paths meet
            known = path.stages[: number + 1] if number + 1 < len(path.stages) else [stage]
            name = tuple((step.kind, step.label, step.detail) for step in known)
            box = before.get(name) or (stage, [])
            if not box[1]:
                found.append(box)
            box[1].append(lane)
            here[name] = box
        before = here
    return found


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
    """Arrows from box to box and on to the name."""
    look = figure_style.line(index)
    ends = [*places[1:], places[-1] + _WIDTH + _GAP]
    for start, end in zip(places, ends, strict=True):
        axis.plot([start + _WIDTH, end - 0.07], [y, y], zorder=1, solid_capstyle="butt", **look)
        axis.plot(end - 0.045, y, marker=">", markersize=5, linestyle="none", color=look["color"], zorder=1)
    name = {"color": look["color"], "va": "center", "ha": "left", "fontweight": "bold", "fontsize": 7}
    axis.text(ends[-1] + 0.04, y, textwrap.fill(path.row, 19), **name)


def _box(axis: Axes, stage: DiagramStage, left: float, top: float, bottom: float) -> None:
    """A box with its texts in the middle."""
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
    """Lines of label and detail as they fit into a box; names in the detail stay whole where they can."""
    label = stage.label.replace("pre-training", "pre\u2011training")  # with a hyphen that does not break
    names = re.split(r"(?<=[,;]) ", stage.detail)
    detail = " ".join(name.replace(" ", "\u00a0") if len(name) <= _SMALL else name for name in names)
    return textwrap.wrap(label, _BOLD), textwrap.wrap(detail, _SMALL)


def _height(stage: DiagramStage) -> float:
    label, detail = _texts(stage)
    return _LINE * (len(label) + len(detail)) + 2 * _MARGIN
