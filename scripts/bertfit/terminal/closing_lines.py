"""The lines that a run of your own dataset ends with, from ``summary.json``."""

from __future__ import annotations

from pathlib import Path

from bertfit.core import errors
from bertfit.core.files import read_json
from bertfit.core.pydantic_errors import from_json
from bertfit.experiments.study_summary import StudySummary

FILE = "summary.json"


def of_results(folder: Path) -> list[str]:
    """The lines for a results folder; none if it has no ``summary.json``, or one that cannot be read."""
    try:
        return lines(from_json(StudySummary, read_json(folder / FILE)))
    except (OSError, ValueError):
        return []


def lines(summary: StudySummary) -> list[str]:
    """The winner with its error, what it was compared with, where the results are, and a line for each warning."""
    entries = {
        "winner": f"{summary.winner}: error {summary.error} on the test split",
        "against": summary.compared,
        "report": summary.report,
        "model": summary.model,
        "mistakes": summary.mistakes,
    }
    shown = [f"{name:<9}{_plain(value)}" for name, value in entries.items()]
    return shown + [f"warning: {_plain(warning)}" for warning in summary.warnings]


def _plain(text: str) -> str:
    """Text of one line, without control characters: it may hold names from the user's file."""
    return "".join(character if character.isprintable() else errors.plain(character) for character in text)
