"""Input files of the report on your own dataset, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bertfit.core.errors import UserError
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments.cells import BASELINE
from bertfit.runtime.rule_job import JobFiles
from bertfit.search import outcome_record, search_record
from bertfit.search.outcome_record import ModelOutcome
from bertfit.search.search_record import Choice, Lead, MeasuredRun
from bertfit.suitability import check
from bertfit.suitability.coverage import Coverage

SHOWN = 10
"""rows of mistakes and of probably wrong labels that are shown"""
MISTAKES = ("text", "label", "answer", "probability")
LABEL_ERRORS = ("row", "text", "given", "suggested", "probability of given", "probability of suggested")
Row = dict[str, str]


@dataclass(frozen=True)
class DatasetFiles:
    """Paths of the inputs; the section of an optional one is left out where it is None.

    ``predictions``: those of the winner on the test split, a file for each block of seeds; ``train``: the training
    split of the corpus; ``curve``: ``learning_curve.json``.
    """

    choice: Path
    outcome: Path
    card: Path
    predictions: list[Path]
    train: Path | None = None
    coverage: Path | None = None
    mistakes: Path | None = None
    label_errors: Path | None = None
    curve: Path | None = None

    @classmethod
    def of(cls, inputs: JobFiles) -> DatasetFiles:
        """The inputs of these names of a rule."""
        return cls(
            choice=inputs["choice"],
            outcome=inputs["outcome"],
            card=inputs["card"],
            predictions=inputs.group("predictions"),
            train=inputs.get("train"),
            coverage=inputs.get("coverage"),
            mistakes=inputs.get("mistakes"),
            label_errors=inputs.get("label_errors"),
            curve=inputs.get("curve"),
        )


@dataclass(frozen=True)
class DatasetFacts:
    """What the small inputs hold."""

    choice: Choice
    outcome: ModelOutcome
    card: CorpusCard
    coverage: Coverage | None

    @property
    def counted_words(self) -> bool:
        """Whether the winner has no encoder."""
        return counts_words(self.choice.winner)

    def runner_up(self, *, counts: bool) -> Lead | None:
        """The smallest lead of the winner on a candidate with word counts, or on one with an encoder."""
        kinds = {run.candidate: counts_words(run) for run in self.choice.measured}
        return next((lead for lead in self.choice.leads if kinds[lead.candidate] == counts), None)


def counts_words(run: MeasuredRun) -> bool:
    """Whether a candidate has no encoder."""
    return run.encoder == BASELINE


def read(files: DatasetFiles) -> DatasetFacts:
    """Read the records. Raises `UserError` for a file that is missing or damaged."""
    return DatasetFacts(
        choice=search_record.read_choice(files.choice),
        outcome=outcome_record.read(files.outcome),
        card=corpus_card.read(files.card),
        coverage=check.read(files.coverage) if files.coverage else None,
    )


def rows(path: Path | None, columns: tuple[str, ...]) -> list[Row]:
    """The first `SHOWN` rows of a CSV table, as texts; none without a file.

    Raises `UserError` for a file that is missing or damaged, or lacks one of the ``columns``.
    """
    if path is None:
        return []
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=SHOWN)
        return [{str(key): value for key, value in row.items()} for row in table[list(columns)].to_dict("records")]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a table with {', '.join(columns)} ({error}); delete it and run again") from error
