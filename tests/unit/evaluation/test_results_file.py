"""Scores: Wilson's interval, means over seeds and the lookup of published values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bertfit.core.errors import UserError
from bertfit.evaluation import metrics, results_file


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_is_scipys(count, level):
    errors, n = count
    expected = binomtest(errors, n).proportion_ci(level, "wilson")
    assert metrics.wilson(errors, n, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_wilson_contains_the_share(share, n):
    low, high = metrics.wilson(share * n, n)
    assert 0 <= low <= share * n / n <= high <= 1


def test_wilson_of_a_fraction_and_of_nonsense():
    # 5.42 % of 25,000 as by hand: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964
    assert metrics.wilson(1355.5, 25_000) == pytest.approx((0.0514808, 0.0570962), abs=1e-7)
    for errors, n in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError, match="examples"):
            metrics.wilson(errors, n)


def results(errors_last, errors_best, n=200):
    rows = [
        ("s", "imdb", "mini", "default", seed, which, 1, 1.0, n, wrong, 100 * wrong / n, 0.5, 0.25, low, high)
        for which, errors, low, high in (("last", errors_last, 4.5, 9.0), ("best", errors_best, 4.0, 8.0))
        for seed, wrong in enumerate(errors, 1)
    ]
    return pd.DataFrame(rows, columns=results_file.SCHEMA.names)


def test_summary_over_seeds():
    got = results_file.summarise(results([10, 14, 12], [8, 10, 12]), "imdb", "mini", "default", [1, 2, 3])
    assert (got.n, got.mean, got.std, got.mean_best) == (3, pytest.approx(6.0), pytest.approx(1.0), pytest.approx(5.0))
    assert (got.low, got.high) == (4.5, 9.0)
    assert np.isnan(results_file.summarise(results([12], [12]), "imdb", "mini", "default", [1]).std)


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
