"""``predictions.parquet`` read back: what each seed answered, evaluation by evaluation. Neither torch nor scipy.

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
from bertfit.experiments.cells import Trainee

COLUMNS = ("seed", "step", "epoch", "example", "label", "logits")


@dataclass(frozen=True)
class Answers:
    """One evaluation of one seed, in the order of the test set."""

    seed: int
    step: int
    epoch: float
    labels: NDArray[np.int32]
    """[N]"""
    logits: NDArray[np.float32]
    """[N, C]"""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[N] classes; the first of ties."""
        return self.logits.argmax(axis=1)


def read_evaluations(path: Path) -> list[Answers]:
    """Every evaluation in a file, by seed and step.

    Raises `UserError` where it cannot be read, lacks examples or logits, or its evaluations are of different examples.
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
    found: list[Answers] = []
    for mine in np.split(np.arange(len(order)), ends):
        first = mine[0]
        one = Answers(int(seed[first]), int(step[first]), float(epoch[first]), label[mine], logits[order[mine]])
        if (example[mine[1:]] == example[mine[:-1]]).any():
            raise UserError(f"{path}: an example is predicted twice at one step; delete its folder and run again")
        if not np.array_equal(example[mine], np.arange(len(mine))):
            raise UserError(f"{path}: seed {one.seed} lacks test examples; delete its folder and run again")
        if found and not np.array_equal(one.labels, found[0].labels):
            raise UserError(
                f"{path}: seed {one.seed} has other test examples than another; delete its folder, run again"
            )
        found.append(one)
    return found


def last_evaluations(found: Iterable[Answers]) -> list[Answers]:
    """Of each seed its last evaluation, of what `read` found."""
    return list({one.seed: one for one in found}.values())


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


@dataclass
class Outcome:
    """What the runs of one (corpus, encoder, recipe) said at their last evaluation, on the same test examples."""

    labels: NDArray[np.int32]
    wrong: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    """seed -> [N]"""


Outcomes = dict[Key, Outcome]


def read_errors(runs: Iterable[tuple[Trainee, Path]], wanted: set[Key]) -> Outcomes:
    """The outcomes of the wanted (corpus, encoder, recipe); each file is read once, others are left alone."""
    found: Outcomes = {}
    for trainee, path in runs:
        mine = (trainee.corpus, trainee.encoder, trainee.recipe)
        if mine not in wanted:
            continue
        labels, wrong = last_errors(path)
        outcome = found.setdefault(mine, Outcome(labels))
        if not np.array_equal(labels, outcome.labels):
            raise UserError(f"{path}: other test examples than another block of its run; delete both and run again")
        if again := sorted(set(wrong) & set(outcome.wrong)):
            raise UserError(f"{path}: seed {again[0]} is in another block of its run, too; delete one of them")
        outcome.wrong |= wrong
    return found


def last_errors(path: Path) -> tuple[NDArray[np.int32], dict[int, NDArray[np.bool_]]]:
    """Labels [N], and per seed which examples [N] the last evaluation in ``predictions.parquet`` got wrong."""
    try:
        table = pq.read_table(path, columns=["seed", "step", "example", "label", "logits"])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete its folder and run again") from error
    seed, step, example, label = (table.column(name).to_numpy() for name in ("seed", "step", "example", "label"))
    logits = table.column("logits").combine_chunks()
    classes = len(logits.flatten()) // max(len(table), 1)
    if not len(table) or not (logits.value_lengths().to_numpy(zero_copy_only=False) == classes).all():
        raise UserError(f"{path}: logits are missing or ragged; delete its folder and run again")
    wrong = logits.flatten().to_numpy(zero_copy_only=False).reshape(-1, classes).argmax(axis=1) != label
    labels: NDArray[np.int32] | None = None
    found: dict[int, NDArray[np.bool_]] = {}
    for one in np.unique(seed):
        mine = np.flatnonzero(seed == one)
        mine = mine[step[mine] == step[mine].max()]
        mine = mine[np.argsort(example[mine], kind="stable")]
        labels = label[mine] if labels is None else labels
        if not np.array_equal(example[mine], np.arange(len(mine))) or not np.array_equal(label[mine], labels):
            raise UserError(f"{path}: seed {one} lacks test examples or has them twice; delete its folder, run again")
        found[int(one)] = wrong[mine]
    assert labels is not None
    return labels, found
