"""Readers of ``predictions.parquet``. Imports neither torch nor scipy.

Shapes: N test examples, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core.errors import UserError
from bertfit.experiments.cells import RunGroup

COLUMNS = ("seed", "step", "epoch", "example", "label", "logits")


@dataclass(frozen=True)
class Evaluation:
    """Predictions of one seed at one step, in the order of the test set."""

    seed: int
    step: int
    epoch: float
    labels: NDArray[np.int32]
    """[N]"""
    logits: NDArray[np.float32]
    """[N, C]"""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[N] predicted classes; ties go to the lowest class."""
        return self.logits.argmax(axis=1)


def read_evaluations(path: Path) -> list[Evaluation]:
    """All evaluations of a file, sorted by seed and step.

    Raises `UserError` where it cannot be read, examples or logits are missing, or test examples differ between seeds.
    """
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete its folder and run again") from error
    logits = _logits(table, path)
    columns = [table[name].to_numpy() for name in COLUMNS[:-1]]
    order = np.lexsort((columns[3], columns[1], columns[0]))
    seed, step, epoch, example, label = (column[order] for column in columns)
    ends = np.flatnonzero((seed[1:] != seed[:-1]) | (step[1:] != step[:-1])) + 1
    evaluations: list[Evaluation] = []
    for rows in np.split(np.arange(len(order)), ends):
        first = rows[0]
        evaluation = Evaluation(
            int(seed[first]), int(step[first]), float(epoch[first]), label[rows], logits[order[rows]]
        )
        if (example[rows[1:]] == example[rows[:-1]]).any():
            raise UserError(f"{path}: an example is predicted twice at one step; delete its folder and run again")
        if not np.array_equal(example[rows], np.arange(len(rows))):
            raise UserError(f"{path}: seed {evaluation.seed} lacks test examples; delete its folder and run again")
        if evaluations and not np.array_equal(evaluation.labels, evaluations[0].labels):
            raise UserError(
                f"{path}: seed {evaluation.seed} has other test examples than another; delete its folder, run again"
            )
        evaluations.append(evaluation)
    return evaluations


def last_evaluations(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The last evaluation of each seed, of evaluations sorted by seed and step (`read_evaluations`)."""
    return list({evaluation.seed: evaluation for evaluation in evaluations}.values())


def _logits(table: pa.Table, path: Path) -> NDArray[np.float32]:
    """[rows, C], in the order of the file."""
    column = table["logits"].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    if not len(table) or (lengths != lengths[0]).any() or not lengths[0] or not np.isfinite(flat).all():
        raise UserError(f"{path}: logits are missing, ragged or not finite; delete its folder and run again")
    return flat.reshape(len(table), -1)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """[N, C] probabilities of logits [N, C]."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


Key = tuple[str, str, str]
"""(corpus, encoder, recipe)"""


@dataclass
class Outcome:
    """Errors of the runs of one (corpus, encoder, recipe) at their last evaluations, on the same test examples."""

    labels: NDArray[np.int32]
    """[N]"""
    wrong: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    """seed -> [N], true where the prediction is wrong"""


Outcomes = dict[Key, Outcome]


def read_errors(runs: Iterable[tuple[RunGroup, Path]], wanted: set[Key]) -> Outcomes:
    """The outcomes of the ``wanted`` (corpus, encoder, recipe); each of their files is read once, no other is opened.

    ``runs`` are blocks of seeds with the path of their predictions. Raises `UserError` as `read_evaluations` does, and
    where blocks of a run share a seed or differ in their test examples.
    """
    outcomes: Outcomes = {}
    for run_group, path in runs:
        key = (run_group.corpus, run_group.encoder, run_group.recipe)
        if key not in wanted:
            continue
        labels, wrong = last_errors(path)
        outcome = outcomes.setdefault(key, Outcome(labels))
        if not np.array_equal(labels, outcome.labels):
            raise UserError(f"{path}: other test examples than another block of its run; delete both and run again")
        if repeated := sorted(set(wrong) & set(outcome.wrong)):
            raise UserError(f"{path}: seed {repeated[0]} is in another block of its run, too; delete one of them")
        outcome.wrong |= wrong
    return outcomes


def last_errors(path: Path) -> tuple[NDArray[np.int32], dict[int, NDArray[np.bool_]]]:
    """Labels [N], and seed -> [N], true where the last evaluation in ``predictions.parquet`` is wrong."""
    evaluations = last_evaluations(read_evaluations(path))
    return evaluations[0].labels, {last.seed: last.predicted != last.labels for last in evaluations}
