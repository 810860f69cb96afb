"""Scores: means over seeds, the interval that is kept, and the lookup of published values."""

import numpy as np
import pandas as pd
import pytest

from bertfit.core.errors import UserError
from bertfit.evaluation import results_file


def results(errors_last, errors_best, n=200):
    rows = [
        ("s", "imdb", "mini", "default", seed, which, 1, 1.0, n, wrong, 100 * wrong / n, 0.5, 0.25, low, high, 1, 0.2)
        + (low - 3, high + 3)
        for which, errors, low, high in (("last", errors_last, 4.5, 9.0), ("best", errors_best, 4.0, 8.0))
        for seed, wrong in enumerate(errors, 1)
    ]
    return pd.DataFrame(rows, columns=results_file.SCHEMA.names)


def test_summary_over_seeds():
    got = results_file.summarise(results([10, 14, 12], [8, 10, 12]), "imdb", "mini", "default", [1, 2, 3])
    assert (got.n, got.mean, got.std, got.mean_best) == (3, pytest.approx(6.0), pytest.approx(1.0), pytest.approx(5.0))
    assert (got.low, got.high, got.failed, got.p_lowest) == (4.5, 9.0, 1, 0.2)
    assert (got.run_low, got.run_high) == (1.0, 11.0)  # of the best epoch
    assert np.isnan(results_file.summarise(results([12], [12]), "imdb", "mini", "default", [1]).std)


@pytest.mark.parametrize(
    ("failed", "p_lowest", "among"),
    [(0, 1.0, True), (0, 0.05, True), (0, 0.049, False), (1, 1.0, False), (0, float("nan"), False)],
)
def test_among_the_lowest(failed, p_lowest, among):
    summary = results_file.ErrorSummary(3, 27.9, 30.0, 0.0, 75.8, 27.0, failed, p_lowest)
    assert summary.among_lowest is among


def test_an_interval_over_other_seeds_is_refused():
    with pytest.raises(UserError, match=r"interval of imdb/mini/default also covers seed \[2, 4\]"):
        results_file.summarise(results([10, 14, 12, 9], [8, 10, 12, 9]), "imdb", "mini", "default", [3, 1])


def test_summary_of_a_missing_seed():
    with pytest.raises(UserError, match=r"no run imdb/mini/default with seed \[3\]"):
        results_file.summarise(results([1, 2], [1, 2]), "imdb", "mini", "default", [1, 3])


def test_published_values(request):
    path = request.config.rootpath / "paper/published.csv"
    table2 = results_file.published(path, "table2")
    assert len(table2) == 12
    assert results_file.number(table2["head+tail", "IMDb"]) == 5.42
    assert results_file.published(path, "table1")["IMDb", "Type"] == "Sentiment"
    assert np.isnan(
        results_file.number(results_file.published(path, "table6")["BERT-IDPT-FiT", "Sogou"])
    )  # printed as /
    assert results_file.published(path, "table99") == {} and np.isnan(results_file.number(None))


def test_published_file_is_missing_or_wrong(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        results_file.published(tmp_path / "published.csv", "table2")
    (tmp_path / "published.csv").write_text("artefact,row,value\ntable2,a,1\n")
    with pytest.raises(UserError, match="no column 'column'"):
        results_file.published(tmp_path / "published.csv", "table2")
