"""Reliability diagrams: seeds are pooled, what the CSV says, and lines without runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bertfit.artefacts import reliability_diagram
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.config.study_schema import Artefact
from bertfit.experiments.job_specs import LineSpec, LinesSpec
from helpers import madeup

ARTEFACT = Artefact.model_validate(
    {"kind": "reliability", "number": "C", "title": "t", "caption": "c", "section": "0", "columns": {"a": "A"}}
)


def test_all_seeds_are_pooled_and_an_empty_line_says_why(tmp_path: Path) -> None:
    """Two classes, logits 2 and 0: every answer has the probability 1 / (1 + e**-2); 1 of 4 and 3 of 4 are wrong."""
    labels, wrong = [0, 1, 0, 1], {1: [0, 0, 0, 1], 2: [1, 1, 1, 0], 3: [1, 1, 1, 1]}
    madeup.run(tmp_path / "run", labels, {seed: np.array(each, bool) for seed, each in wrong.items()}, logit=2.0)
    lines = [
        LineSpec(label="BERT", published="BERT", histories=[str(tmp_path / "run/history.csv")], seeds=[1, 2]),
        LineSpec(label="none", published="", histories=[], seeds=[], status="not available", reason="no corpus"),
    ]
    out = {form: tmp_path / f"f.{form}" for form in ("svg", "png", "csv")}
    spec = LinesSpec(key="reliability", artefact=ARTEFACT, study="s", comparable=False, cells=[], lines=lines)
    reliability_diagram.build(spec, files=FigureFiles(**out))
    frame = pd.read_csv(out["csv"])
    sure = 1 / (1 + np.exp(-2))
    assert frame["row"].tolist() == ["BERT", "none"] and frame["reason"].tolist()[1] == "no corpus"
    first = frame.iloc[0]
    assert (first["low"], first["high"], first["n"]) == (0.8, 0.9, 8)
    assert [first["confidence"], first["accuracy"], first["ece"]] == pytest.approx([sure, 0.5, sure - 0.5], abs=1e-4)
    again = {form: tmp_path / f"again.{form}" for form in ("svg", "png", "csv")}
    reliability_diagram.build(spec, files=FigureFiles(**again))
    assert all(again[form].read_bytes() == out[form].read_bytes() for form in out)


def test_seeds_that_diverged_are_left_out(tmp_path: Path) -> None:
    """Of two seeds one guesses: the curve is that of the other; of a line whose seeds all do nothing is left."""
    wrong = {seed: np.array([0, 0, 0, seed == 2], bool) for seed in (1, 2)}
    for name, diverged in (("one", [2]), ("all", [1, 2])):
        madeup.run(tmp_path / name, [0, 1, 0, 1], wrong, logit=2.0)
        history = pd.read_csv(tmp_path / name / "history.csv")
        history.loc[history["seed"].isin(diverged), "loss"] = np.nan
        history.to_csv(tmp_path / name / "history.csv", index=False)
    lines = [
        LineSpec(label=name, published="", histories=[str(tmp_path / name / "history.csv")], seeds=[1, 2])
        for name in ("one", "all")
    ]
    files = FigureFiles(**{form: tmp_path / f"f.{form}" for form in ("svg", "png", "csv")})
    spec = LinesSpec(key="reliability", artefact=ARTEFACT, study="s", comparable=False, cells=[], lines=lines)
    reliability_diagram.build(spec, files=files)
    frame = pd.read_csv(files.csv)
    assert frame["n"].tolist()[0] == 4 and frame["accuracy"].tolist()[0] == 1
    assert frame["reason"].tolist()[1] == "every training diverged"
