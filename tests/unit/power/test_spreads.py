"""Spreads of trainings: as stated for a study, and as its results show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bertfit.core.errors import UserError
from bertfit.power import spreads
from conftest import ROOT

STATED = spreads.load(ROOT / "paper/spreads.yaml")


def test_a_study_has_its_own_spreads_or_those_of_all() -> None:
    paper, small = STATED.of("paper"), STATED.of("miniature.sample100")
    assert paper.between_seeds(25_000) < paper.between_seeds(5452) < paper.between_seeds(100)
    assert small.between_seeds(400) == 0.11 and small.error == paper.error and small.source != paper.source
    assert paper.model_copy(update={"seeds": {1000: 0.5}}).between_seeds(10) == 0.5, "the nearest there is"


def test_disagreement_of_two_models() -> None:
    paper = STATED.of("paper")
    assert paper.disagreeing(0.1, 0.1, same_encoder=True) == pytest.approx(0.65 * 0.09)
    assert paper.disagreeing(0.1, 0.1, same_encoder=False) == pytest.approx(0.75 * 0.09)
    assert paper.disagreeing(0.01, 0.4, same_encoder=True) > 0.39, "at least the difference of their errors"


def test_an_invalid_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    text = (ROOT / "paper/spreads.yaml").read_text().replace("recipes: 0.65", "recipes: 3")
    (tmp_path / "spreads.yaml").write_text(text)
    with pytest.raises(UserError, match=r"spreads.yaml.*line \d+|spreads.yaml:\d+"):
        spreads.load(tmp_path / "spreads.yaml")


def test_results_of_the_study_take_their_place(tmp_path: Path) -> None:
    assert spreads.measured(tmp_path / "results.parquet", STATED) is None
    random, rows = np.random.default_rng(4), []
    for recipe in range(200):
        for seed in range(3):
            centre = stats.norm.ppf(0.1) * np.sqrt(1 + 0.05**2)
            error = stats.norm.cdf(centre + 0.05 * random.standard_normal())
            error += np.sqrt(0.5 * 0.09 / 2 / 4000) * random.standard_normal()
            rows.append(("imdb", "mini", f"r{recipe}", seed, "last", 4000, 100 * (0.5 if recipe < 20 else error)))
    names = ["corpus", "encoder", "recipe", "seed", "selection", "n", "error"]
    pd.DataFrame(rows, columns=names).to_parquet(tmp_path / "results.parquet")
    found = spreads.measured(tmp_path / "results.parquet", STATED)
    assert found and found.between_seeds == pytest.approx(0.05, rel=0.1)
    assert found.errors["imdb"] == pytest.approx(0.14, abs=0.01)
    (tmp_path / "results.parquet").write_text("damaged")
    with pytest.raises(UserError, match="not the results of a study"):
        spreads.measured(tmp_path / "results.parquet", STATED)
