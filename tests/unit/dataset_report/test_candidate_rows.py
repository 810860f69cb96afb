"""The table of candidates: order, scale, times, and why the winner won."""

from __future__ import annotations

import pytest

from bertfit.dataset_report import dataset_files
from bertfit.dataset_report.candidate_rows import comparison
from bertfit.search.search_record import Lead
from helpers import dataset_results
from helpers.made_choice import TITLES, choice, measured


@pytest.fixture
def facts(tmp_path):
    return dataset_files.read(dataset_results.make(tmp_path)[1])


def tried(facts, found):
    return comparison(dataset_files.DatasetFacts(found, *list(vars(facts).values())[1:]), TITLES)


def test_the_winner_is_first_and_untrained_candidates_are_last(facts) -> None:
    rows = comparison(facts, TITLES).rows
    assert [row.title for row in rows] == [
        TITLES[name] for name in ("further", "layers", "faster", "plain", "words", "characters", "slower", "balanced")
    ]
    assert rows[0].won and not rows[0].behind and rows[-1].positions is None
    assert rows[-1].note == "no class has 5 times as many texts as another"


def test_rows_have_the_longest_training_and_the_time_of_all(facts) -> None:
    winner, layers, *_ = comparison(facts, TITLES).rows
    assert (winner.error, winner.epochs, winner.seconds) == ("10.9 %", "4", "2 min 59 s")  # 21 + 84 s, and 74 s before
    assert (layers.error, layers.behind, layers.behind_interval) == ("11.6 %", "0.7", "−1.5 to 2.9")
    assert layers.undecided and layers.interval == "8.5 to 15.6 %"


def test_all_intervals_are_on_the_scale_in_order(facts) -> None:
    found = comparison(facts, TITLES)
    positions = [row.positions for row in found.rows if row.positions]
    assert all(0 <= low <= point <= high <= 100 for low, point, high in positions)
    assert found.scale.marks[0] == (0.0, "5") and found.scale.marks[-1] == (100.0, "25")
    assert [point for _, point, _ in positions] == sorted(point for _, point, _ in positions)


def test_a_score_is_shown_where_candidates_were_compared_by_it(facts) -> None:
    assert comparison(facts, TITLES).rows[0].score == ""
    found = tried(facts, choice(metric="macro_f1"))
    assert found.rows[0].score == "0.887" and found.unit == "points of macro-F1"


def test_what_else_could_be_the_best_is_named(facts) -> None:
    first, second = comparison(facts, TITLES).why
    assert first == (
        "Further pre-training and layer-wise rates had the lowest error on the 320 validation texts, 0.7 points of "
        "error ahead of fine-tuning with layer-wise rates, 95 % interval −1.5 to 2.9."
    )
    assert second.endswith("fine-tuning with layer-wise rates and fine-tuning at twice the rate.")
    lead = Lead(candidate="words", title="word counts", value=0.02, low=0.01, high=0.03)
    assert (
        tried(facts, choice(leads=[lead])).why[1] == "The differences to all other candidates are larger than chance."
    )
    equal = lead.model_copy(update={"low": 0.0})
    assert "any of them could as well be the best" in tried(facts, choice(leads=[equal])).why[1]
    tie = lead.model_copy(update={"value": 0.0, "low": -0.01})
    assert (
        "equal to word counts (95 % interval of the difference −1.0 to 3.0), and is the cheaper one."
        in (tried(facts, choice(leads=[tie])).why[0])
    )
    assert tried(facts, choice(leads=[])).why[0].endswith("nothing else was measured.")


def test_a_run_that_diverged_says_so(facts) -> None:
    runs = [measured("further", 0.5, ended=0.5, diverged_at=7)]
    (row, *_) = tried(
        facts, choice(winner="further").model_copy(update={"winner": runs[0], "measured": runs, "leads": []})
    ).rows
    assert row.note == "training diverged at step 7, so the error is that of always guessing one class"


def test_a_run_that_was_stopped_says_so(facts) -> None:
    runs = [measured("further", 0.109, ended=3.2105)]
    (row, *_) = tried(
        facts, choice(winner="further").model_copy(update={"winner": runs[0], "measured": runs, "leads": []})
    ).rows
    assert (row.epochs, row.note) == ("3.2", "stopped early, of 4")
