"""The lines that a run ends with."""

from __future__ import annotations

from bertfit.core.files import read_json
from bertfit.dataset_report import summary
from bertfit.search.search_record import Choice
from bertfit.terminal import closing_lines
from helpers import dataset_results

LATE = {"further": "no time left for 4 epochs"}


def test_the_winner_what_it_was_compared_with_and_where_the_results_are(tmp_path) -> None:
    summary.build(*dataset_results.make(tmp_path), tmp_path / "summary.json")
    assert read_json(tmp_path / "summary.json") == {
        "winner": "further pre-training and layer-wise rates",
        "error": "12.0 % (8.8 to 15.6)",
        "compared": "fine-tuning with layer-wise rates, behind by 0.7 points of error (−1.5 to 2.9) on validation data",
        "report": "results/example.news/report.html",
        "model": "results/example.news/model",
        "mistakes": "results/example.news/mistakes.csv",
        "warnings": [],
    }
    assert len(closing_lines.of_results(tmp_path)) == 5


def test_warnings_have_their_cure(tmp_path) -> None:
    spec, files = dataset_results.make(tmp_path)
    choice = Choice.model_validate(read_json(files.choice)).model_copy(update={"left_out": LATE, "leads": []})
    dataset_results.write(files.choice, choice)
    summary.build(spec, files, tmp_path / "summary.json")
    found = read_json(tmp_path / "summary.json")
    assert found["compared"] == "no other candidate was measured"
    (warning,) = found["warnings"]
    assert warning.startswith("The budget of 15 minutes ended") and "BUDGET=30m" in warning
