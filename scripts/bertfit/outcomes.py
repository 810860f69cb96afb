"""What the runs behind the claims got wrong: the last evaluation in their ``predictions.parquet``.

Shapes: N test examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .claimspec import Runs
from .errors import UserError

Key = tuple[str, str, str]


@dataclass
class Outcome:
    """What the runs of one (corpus, encoder, recipe) said at their last evaluation, on the same test examples."""

    labels: NDArray[np.int32]
    wrong: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    """seed -> [N]"""


Outcomes = dict[Key, Outcome]


def read(runs: Iterable[Mapping[str, Any]], wanted: set[Key]) -> Outcomes:
    """The outcomes of the wanted (corpus, encoder, recipe); each file is read once, others are left alone."""
    found: Outcomes = {}
    for run in runs:
        mine = (str(run["corpus"]), str(run["encoder"]), str(run["recipe"]))
        if mine not in wanted:
            continue
        path = Path(run["predictions"])
        labels, wrong = last(path)
        outcome = found.setdefault(mine, Outcome(labels))
        if not np.array_equal(labels, outcome.labels):
            raise UserError(f"{path}: other test examples than another block of its run; delete both and run again")
        if again := sorted(set(wrong) & set(outcome.wrong)):
            raise UserError(f"{path}: seed {again[0]} is in another block of its run, too; delete one of them")
        outcome.wrong |= wrong
    return found


def last(path: Path) -> tuple[NDArray[np.int32], dict[int, NDArray[np.bool_]]]:
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


def of(runs: Runs, found: Outcomes) -> Outcome:
    """The outcome of a contrast's runs. Raises `UserError` where a seed is missing."""
    outcome = found.get(key(runs))
    missing = [seed for seed in runs.seeds if outcome is None or seed not in outcome.wrong]
    if outcome is None or missing:
        raise UserError(f"no predictions of {'/'.join(key(runs))} with seed {missing}; run its training again")
    return outcome


def key(runs: Runs) -> Key:
    """(corpus, encoder, recipe)."""
    return runs.corpus, runs.encoder, runs.recipe
