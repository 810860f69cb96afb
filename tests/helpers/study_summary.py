"""A summary of a run of your own dataset, and the lines that it ends with."""

from __future__ import annotations

from bertfit.experiments.study_summary import StudySummary

SUMMARY = StudySummary(
    winner="fine-tuning, rate 1e-4",
    error="11.3 % (8.4 to 14.8)",
    compared="0.9 points better than word counts on validation data (0.1 to 1.8)",
    report="results/example.reviews/report.html",
    model="results/example.reviews/model",
    mistakes="results/example.reviews/mistakes.csv",
)
LINES = [
    "winner   fine-tuning, rate 1e-4: error 11.3 % (8.4 to 14.8) on the test split",
    "against  0.9 points better than word counts on validation data (0.1 to 1.8)",
    "report   results/example.reviews/report.html",
    "model    results/example.reviews/model",
    "mistakes results/example.reviews/mistakes.csv",
]
