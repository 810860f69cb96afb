"""The figure of error against cost: which measures are drawn, in which unit, and that its bytes are its content's."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from bertfit.report import cost_figure
from bertfit.report.error_against_cost import GroupCost

CHEAP = GroupCost(
    run="a", corpus="c", label="A", method="word counts", error=20.0, low=19.0, high=21.0,
    seconds=60.0, kwh=0.001, estimated=True, milliseconds=None, parameters=2_000_000,
)  # fmt: skip
GOOD = replace(CHEAP, run="b", method="fine-tuning", error=10.0, low=9.0, high=11.0, seconds=7200.0, kwh=1.5)
BEATEN = replace(GOOD, run="d", error=30.0)


def test_a_figure_for_each_measure_that_is_known() -> None:
    time, energy, size = cost_figure.figures([CHEAP, GOOD, BEATEN], {"c": "Corpus $C"})
    assert [figure.axis for figure in (time, energy, size)] == [
        "Computing time of training (h)", "Energy of training (kWh, estimated)",
        "Size of the classifier (million parameters)",
    ]  # fmt: skip
    assert [(group.run, cost) for group, cost in time.fronts["c"]] == [("a", "0.0167"), ("b", "2")]
    assert [(group.run, cost) for group, cost in size.fronts["c"]] == [("b", "2")]
    assert ET.fromstring(time.svg).tag.endswith("svg") and "Corpus $C" in time.svg
    alone = cost_figure.figures([replace(group, kwh=None, parameters=None) for group in (CHEAP, GOOD, BEATEN)],
                                {"c": "Corpus $C"})  # fmt: skip
    assert [figure.svg for figure in alone] == [time.svg], "same content, same bytes"


@pytest.mark.parametrize(
    ("kwh", "estimates", "axis"),
    [
        ((0.001, 0.02), (True, False), "Energy of training (Wh, partly estimated)"),
        ((1e-7, 2e-5), (False, False), "Energy of training (J)"),
        ((3.0, 1.0), (False, False), "Energy of training (kWh)"),
    ],
)
def test_units_and_estimates(kwh: tuple[float, float], estimates: tuple[bool, bool], axis: str) -> None:
    groups = [
        replace(CHEAP, run=str(value), kwh=value, estimated=estimated, seconds=None, parameters=None)
        for value, estimated in zip(kwh, estimates, strict=True)
    ]
    (figure,) = cost_figure.figures(groups, {})
    assert figure.axis == axis


def test_many_corpora_have_a_panel_each() -> None:
    groups = [replace(group, corpus=f"corpus {number}") for number in range(7) for group in (CHEAP, GOOD)]
    time = cost_figure.figures(groups, {})[0]
    assert len(time.fronts) == 7
    assert [f"corpus {number}" in time.svg for number in range(8)] == [True] * 7 + [False]


def test_nothing_to_compare() -> None:
    assert cost_figure.figures([CHEAP], {}) == [] and cost_figure.figures([], {}) == []
