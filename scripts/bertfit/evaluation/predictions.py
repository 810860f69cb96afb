"""Readers of ``predictions.parquet``, and of ``history.csv`` for the best evaluation and training errors.

Imports neither torch nor scipy.

Shapes: N test examples, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets
from bertfit.experiments.cells import RunGroup

COLUMNS = ("seed", "step", "epoch", "example", "label", "logits")


@dataclass(frozen=True)
class Evaluation:
    """Predictions of one seed at one step, in the order of the test set."""

    seed: int
    step: int
    epoch: float
    labels: NDArray[np.int32]
    """[N] classes, or numbers of ``sets``"""
    logits: NDArray[np.float32]
    """[N, C]"""
    sets: LabelSets | None = None
    """sets of classes, where an example may have several (`core.label_sets`)"""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[N] predicted classes; ties go to the lowest class.

        With ``sets`` the number of the predicted set (probabilities of 0.5 or more), and how many there are where it is
        none of them, so that it differs from every label.
        """
        if self.sets is not None:
            return label_sets.find(label_sets.predicted(self.logits), self.sets)
        return self.logits.argmax(axis=1)

    @property
    def members(self) -> NDArray[np.bool_]:
        """[N, C] which classes an example has."""
        return label_sets.of_rows(self.labels, self.sets, self.logits.shape[1])


def read_evaluations(path: Path) -> list[Evaluation]:
    """All evaluations of a file, sorted by seed and step.

    Raises `UserError` where it cannot be read, examples or logits are missing, or test examples differ between seeds.
    """
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
        sets = label_sets.read(table.schema.metadata)
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
            int(seed[first]), int(step[first]), float(epoch[first]), label[rows], logits[order[rows]], sets
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


Selected = dict[str, Evaluation]
"""selection (``last`` or ``best``) -> the selected evaluation of one seed"""


def selected_evaluations(predictions: Path, history: Path) -> Iterator[tuple[int, Selected]]:
    """Each seed of a block with its last and its best evaluation.

    ``best`` is the one with the lowest validation error where the run has one, else with the lowest test error as the
    official code selects (run_classifier_single_layer.py), the first of ties. Of a run that `diverged` it is one of
    those before, if there are any, and ``last`` is the constant guess.

    Raises `UserError` where predictions and history do not match.
    """
    evaluation_at = {(evaluation.seed, evaluation.step): evaluation for evaluation in read_evaluations(predictions)}
    log = _evaluated(history)
    if {seed for seed, _ in evaluation_at} != set(log["seed"]):
        raise UserError(f"{history}: its seeds are not those of {predictions.name}; delete the folder and run again")
    for seed in sorted(set(log["seed"])):
        evaluations = log[log["seed"] == seed].reset_index(drop=True)
        chosen_on = "test_error" if evaluations["validation_error"].isna().all() else "validation_error"
        errors = evaluations[chosen_on].mask(diverged(evaluations))
        errors = evaluations[chosen_on] if errors.isna().all() else errors
        indices = {"last": len(evaluations) - 1, "best": int(np.nanargmin(errors))}
        selected = {}
        for selection, index in indices.items():
            step, logged = int(evaluations["step"][index]), float(evaluations["test_error"][index])
            if (seed, step) not in evaluation_at:
                raise UserError(f"{predictions}: no predictions of seed {seed} at step {step}; delete it and run again")
            evaluation = selected[selection] = evaluation_at[seed, step]
            error = 100 * float((evaluation.predicted != evaluation.labels).mean())
            if abs(error - logged) > 0.01:
                raise UserError(
                    f"{predictions}: {error:.2f} % wrong for seed {seed} at step {step}, but {history.name} says "
                    f"{logged:.2f} %; delete the folder and run again"
                )
        yield int(seed), selected


def diverged(history: pd.DataFrame) -> pd.Series:
    """Which rows of ``history.csv`` say that training diverged: their errors are a constant guess's, without a loss."""
    return history["loss"].isna() & history["test_error"].notna()


def diverged_seeds(history: Path) -> set[int]:
    """Seeds of a block whose training `diverged`."""
    log = pd.read_csv(history)
    return {int(seed) for seed in log["seed"][diverged(log)]}


def final_training_errors(history: Path) -> dict[int, float]:
    """Seed -> share of wrong predictions in the training batches since the evaluation before the last one.

    They are those of the updates themselves, with dropout, before each update: the training set as the network saw it
    at the end, and not an evaluation of the whole set. Of a run that `diverged` they are those of the constant guess.
    """
    log = _evaluated(history)
    return {int(seed): float(error) / 100 for seed, error in zip(log["seed"], log["train_error"], strict=True)}


def _evaluated(history: Path) -> pd.DataFrame:
    """The rows of ``history.csv`` that have a test error, by seed and step."""
    return pd.read_csv(history).dropna(subset=["test_error"]).sort_values(["seed", "step"])


def _logits(table: pa.Table, path: Path) -> NDArray[np.float32]:
    """[rows, C], in the order of the file."""
    column = table["logits"].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    if not len(table) or (lengths != lengths[0]).any() or not lengths[0] or not np.isfinite(flat).all():
        raise UserError(f"{path}: logits are missing, ragged or not finite; delete its folder and run again")
    return flat.reshape(len(table), -1)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """[N, C] probabilities of logits [N, C]."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of logits, each of a class that an example may have beside others."""
    return np.exp(-np.logaddexp(0, -logits.astype(np.float64)))


Reading = Literal["last", "best", "training"]
"""what is read of a run: the errors of its last or its best evaluation, or those of its last training batches"""
RunKey = tuple[str, str, str]
"""(corpus, encoder, recipe)"""
Key = tuple[str, str, str, Reading]
"""(corpus, encoder, recipe, reading)"""


@dataclass
class Outcome:
    """Errors of the runs of one (corpus, encoder, recipe) at one evaluation, on the same test examples."""

    labels: NDArray[np.int32]
    """[N]"""
    wrong: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    """seed -> [N], true where the prediction is wrong; of the last evaluation for the reading ``training``"""
    training: dict[int, float] = field(default_factory=dict)
    """seed -> `final_training_errors`, of the reading ``training`` alone"""


Outcomes = dict[Key, Outcome]


def read_errors(runs: Iterable[tuple[RunGroup, Path]], wanted: set[Key]) -> Outcomes:
    """The outcomes of the ``wanted`` runs; each of their files is read once, no other is opened.

    ``runs`` are blocks of seeds with the path of their predictions; ``history.csv`` is beside them, and read where more
    than the last evaluation is wanted. Raises `UserError` as `read_evaluations` and `selected_evaluations` do, and
    where blocks of a run share a seed or differ in their test examples.
    """
    outcomes: Outcomes = {}
    for run_group, path in runs:
        names = (run_group.corpus, run_group.encoder, run_group.recipe)
        readings: list[Reading] = [reading for reading in get_args(Reading) if (*names, reading) in wanted]
        for reading, block in _block_outcomes(path, readings).items():
            outcome = outcomes.setdefault((*names, reading), Outcome(block.labels))
            if not np.array_equal(block.labels, outcome.labels):
                raise UserError(f"{path}: other test examples than another block of its run; delete both and run again")
            if repeated := sorted(set(block.wrong) & set(outcome.wrong)):
                raise UserError(f"{path}: seed {repeated[0]} is in another block of its run, too; delete one of them")
            outcome.wrong |= block.wrong
            outcome.training |= block.training
    return outcomes


def last_errors(path: Path) -> tuple[NDArray[np.int32], dict[int, NDArray[np.bool_]]]:
    """Labels [N], and seed -> [N], true where the last evaluation in ``predictions.parquet`` is wrong."""
    evaluations = last_evaluations(read_evaluations(path))
    return evaluations[0].labels, {last.seed: last.predicted != last.labels for last in evaluations}


def _block_outcomes(path: Path, readings: list[Reading]) -> dict[Reading, Outcome]:
    """The outcomes of one block of seeds, for each reading."""
    if readings in ([], ["last"]):
        return {reading: Outcome(*last_errors(path)) for reading in readings}
    history = path.with_name("history.csv")
    selected = dict(selected_evaluations(path, history))
    outcomes: dict[Reading, Outcome] = {}
    for reading in readings:
        chosen = {seed: each["best" if reading == "best" else "last"] for seed, each in selected.items()}
        wrong = {seed: evaluation.predicted != evaluation.labels for seed, evaluation in chosen.items()}
        training = final_training_errors(history) if reading == "training" else {}
        outcomes[reading] = Outcome(next(iter(chosen.values())).labels, wrong, training)
    return outcomes
