"""Average improvement: the paper's own numbers come out of its own cells."""

from math import isnan

import pytest

from bertfit.artefacts import average_improvement
from bertfit.evaluation import results_file
from bertfit.evaluation.results_file import ErrorSummary
from conftest import ROOT

OVER = "BERT-Feat"
# recomputed from the published cells; the paper prints 9.22, 16.07, 18.57, 14.38
RECOMPUTED = {"BERT-FiT": 9.22, "BERT-ITPT-FiT": 16.08, "BERT-IDPT-FiT": 18.57, "BERT-CDPT-FiT": 14.38}


def summary(last, best=None):
    return ErrorSummary(3, last, 0.1, last - 1, last + 1, last if best is None else best)


@pytest.mark.parametrize("row", RECOMPUTED)
def test_the_papers_averages(row):
    paper = results_file.published(ROOT / "paper/published.csv", "table6")
    found = average_improvement.published(paper, OVER, row)
    assert round(found.best, 2) == RECOMPUTED[row] and isnan(found.last)
    english = ("IMDb", "Yelp P.", "Yelp F.", "TREC", "Yah. A.", "AG", "DBP")
    assert found.columns == (english if row in ("BERT-IDPT-FiT", "BERT-CDPT-FiT") else (*english, "Sogou"))


def test_only_columns_that_both_have_and_that_can_be_improved():
    over = {"a": 10.0, "b": 20.0, "c": 0.0, "d": float("nan")}
    row = {"b": 15.0, "a": 11.0, "c": 1.0, "d": 1.0, "e": 3.0}
    mean, columns = average_improvement.improvement(over, row)
    assert mean == pytest.approx((25 - 10) / 2) and columns == ("b", "a")
    mean, columns = average_improvement.improvement(over, {"e": 1.0, "a": float("nan")})
    assert isnan(mean) and columns == ()


def test_last_and_best_epoch_go_over_the_same_columns():
    found = {
        "feat": {"a": summary(10, 8), "b": summary(4, 0), "c": summary(5)},
        "fit": {"a": summary(9, 6), "b": summary(2, 0)},
        "none": {},
    }
    made = average_improvement.improvements(found, "feat")
    assert list(made) == ["fit"]  # b has no best error to improve upon, and nothing is improved upon by itself
    assert made["fit"].last == pytest.approx(10) and made["fit"].best == pytest.approx(25)
    assert made["fit"].columns == ("a",)
    assert average_improvement.improvements(found, "gone") == {}


def test_notes_say_which_corpora_are_missing():
    made = {
        "x": average_improvement.Improvement(1, 1, ("a", "b")),
        "y": average_improvement.Improvement(1, 1, ("b",)),
        "z": average_improvement.Improvement(1, 1, ("b",)),
    }
    notes = average_improvement.notes("Avg.", "feat", made, ["a", "b"])
    assert len(notes) == 2 and "error of feat" in notes[0]
    assert notes[1] == "Avg. of y, z: over 1 of 2 corpora, without a."
