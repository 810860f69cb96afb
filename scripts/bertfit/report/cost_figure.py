"""The figure "Error against cost" of the report: a panel a corpus, with the Pareto front."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from bertfit.artefacts import figure_style
from bertfit.energy.energy_use import JOULES
from bertfit.report import error_against_cost
from bertfit.report.error_against_cost import FRONT, CostMeasure, GroupCost, Method

COLUMNS = 3  # panels in a row
METHODS: tuple[Method, ...] = get_args(Method)
TITLES: dict[CostMeasure, str] = {
    "seconds": "Computing time of training",
    "kwh": "Energy of training",
    "milliseconds": "Time of a text",
    "parameters": "Size of the classifier",
}
UNITS: dict[CostMeasure, list[tuple[float, str]]] = {
    "seconds": [(3600, "h"), (60, "min"), (1, "s")],
    "kwh": [(1, "kWh"), (1e-3, "Wh"), (1 / JOULES, "J")],
    "milliseconds": [(1, "ms")],
    "parameters": [(1e6, "million parameters"), (1e3, "thousand parameters")],
}


@dataclass(frozen=True)
class CostFigure:
    """A drawn figure, and the points of its fronts by corpus, which are numbered in it from 1."""

    measure: CostMeasure
    title: str
    unit: str
    estimated: str
    """``estimated``, ``partly estimated`` or empty"""
    svg: str
    fronts: dict[str, list[tuple[GroupCost, str]]]
    """corpus -> groups and their cost in the unit"""

    @property
    def axis(self) -> str:
        """What the axis says."""
        return f"{self.title} ({', '.join(filter(None, (self.unit, self.estimated)))})"


def figures(groups: Sequence[GroupCost], titles: Mapping[str, str]) -> list[CostFigure]:
    """A figure for each measure that two run groups of a corpus have; ``titles``: corpus -> its title."""
    drawn = [_figure(measure, error_against_cost.by_corpus(groups, measure), titles) for measure in TITLES]
    return [figure for figure in drawn if figure]


def _figure(
    measure: CostMeasure, corpora: Mapping[str, Sequence[GroupCost]], titles: Mapping[str, str]
) -> CostFigure | None:
    if not corpora:
        return None
    shown = [group for groups in corpora.values() for group in groups]
    costs = [group.cost(measure) or 0.0 for group in shown]
    factor, unit = next((pair for pair in UNITS[measure] if max(costs) >= pair[0]), UNITS[measure][-1])
    estimates = [group.estimated for group in shown if measure == "kwh"]
    estimated = "" if not any(estimates) else "estimated" if all(estimates) else "partly estimated"
    fronts = {corpus: error_against_cost.front(groups, measure) for corpus, groups in corpora.items()}
    figure = CostFigure(
        measure=measure,
        title=TITLES[measure],
        unit=unit,
        estimated=estimated,
        svg="",
        fronts={
            corpus: [(group, f"{(group.cost(measure) or 0) / factor:.3g}") for group in best]
            for corpus, best in fronts.items()
        },
    )
    svg = _svg(figure, corpora, fronts, titles, factor)
    return CostFigure(**{**vars(figure), "svg": svg})


def _svg(
    figure: CostFigure,
    corpora: Mapping[str, Sequence[GroupCost]],
    fronts: Mapping[str, Sequence[GroupCost]],
    titles: Mapping[str, str],
    factor: float,
) -> str:
    columns = min(len(corpora), COLUMNS)
    rows = -(-len(corpora) // columns)
    with figure_style.context():
        drawing = Figure(figsize=(figure_style.PAGE, 0.6 + 2.1 * rows), layout="constrained")
        axes = list(drawing.subplots(rows, columns, squeeze=False).flat)
        for axis, (corpus, groups) in zip(axes, corpora.items(), strict=False):
            axis.set_title(titles.get(corpus, corpus))
            _panel(axis, groups, fronts[corpus], figure.measure, factor)
        for axis in axes[len(corpora) :]:
            axis.set_axis_off()
        drawing.supxlabel(figure.axis, fontsize=8)
        drawing.supylabel("Test error (%)", fontsize=8)
        methods = [method for method in METHODS if any(g.method == method for of in corpora.values() for g in of)]
        handles = [Line2D([], [], **_dots(method)) for method in methods]
        handles.append(Line2D([], [], color="#333333", linewidth=0.8))
        drawing.legend(handles, [*methods, FRONT.replace("; ", ";\n")], loc="outside upper center", ncols=3)
        text = io.StringIO()
        FigureCanvasSVG(drawing)
        drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _panel(
    axis: Axes, groups: Sequence[GroupCost], best: Sequence[GroupCost], measure: CostMeasure, factor: float
) -> None:
    """All groups of a corpus with the intervals of their errors, a step line through the front, its points numbered."""

    def costs(of: Sequence[GroupCost]) -> list[float]:
        return [(group.cost(measure) or 0.0) / factor for group in of]

    axis.set_xscale("log")
    axis.vlines(
        costs(groups), [g.low for g in groups], [g.high for g in groups], colors="#999999", linewidth=0.5, zorder=2
    )
    for method in METHODS:
        of = [group for group in groups if group.method == method]
        axis.plot(costs(of), [group.error for group in of], **_dots(method), zorder=3)
    axis.step(costs(best), [g.error for g in best], where="post", color="#333333", linewidth=0.8, zorder=2.5)
    for number, (cost, group) in enumerate(zip(costs(best), best, strict=True), 1):
        axis.annotate(str(number), (cost, group.error), (3.5, 2.5), textcoords="offset points", fontsize=7.5, zorder=4)
    axis.margins(x=0.1, y=0.12)
    decade = max(costs(groups)) < 15 * min(costs(groups))
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decade else (1,), numticks=6))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))


def _dots(method: Method) -> dict[str, Any]:
    return {**figure_style.dots(METHODS.index(method)), "linestyle": "none"}
