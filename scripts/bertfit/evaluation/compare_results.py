"""Two results folders beside each other (two seeds, machines, versions): which cells moved, beyond noise or not.

A cell is a (corpus, encoder, recipe); its last evaluation counts. Where both sides predict the same test examples the
difference is tested paired on them (`paired_tests`); seeds are paired by their numbers, or, where none is on both
sides, in their order. Otherwise the errors are compared as those of independent samples, of seeds and of examples.

One seed a side says nothing of other seeds: such a cell has not moved, nor stayed. If it is the same seed on the same
examples, that the two predict otherwise is a fact; its p (McNemar's) is about the two models.

Shapes: S pairs of seeds, N test examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.evaluation import paired_tests, predictions
from bertfit.evaluation.metrics import wilson
from bertfit.evaluation.predictions import Key, Outcome
from bertfit.experiments import ids
from bertfit.experiments.cells import Trainee

MOVED, DIFFERS, NOISE, ONE, SAME = "moved", "differs", "within noise", "cannot tell (one seed)", "same"
VERDICTS = (MOVED, DIFFERS, NOISE, ONE, SAME)
Seeds = dict[int, tuple[float, int]]
"""seed -> (error in percent, test examples)"""


@dataclass(frozen=True)
class Change:
    """One cell of both sides; errors and differences (b - a) in percent of test examples."""

    corpus: str
    encoder: str
    recipe: str
    seeds_a: int
    seeds_b: int
    a: float | None
    b: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    corrected: float | None = None
    """p corrected for the number of cells with more than one seed (Holm)"""
    verdict: str = ""
    how: str = ""


@dataclass(frozen=True)
class ResultsSide:
    """One results folder."""

    folder: Path

    @cached_property
    def results(self) -> pd.DataFrame:
        """The rows of results.parquet that are last evaluations."""
        path = self.folder / "results.parquet"
        try:
            frame = pq.read_table(path).to_pandas()
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read ({error}); give results/<study> of a finished run") from error
        return frame[frame.selection == "last"]

    @cached_property
    def errors(self) -> dict[Key, Seeds]:
        """(corpus, encoder, recipe) -> its seeds."""
        found: dict[Key, Seeds] = {}
        for row in self.results.to_dict("records"):
            mine = (row["corpus"], row["encoder"], row["recipe"])
            found.setdefault(mine, {})[int(row["seed"])] = (float(row["error"]), int(row["n"]))
        return found

    def blocks(self, key: Key) -> list[Path]:
        """Folders of the runs of a cell that results.parquet knows."""
        folder = self.folder.joinpath("runs", *key)
        found = [path for path in sorted(folder.glob("seeds*")) if (path / "predictions.parquet").is_file()]
        return [path for path in found if set(ids.parse_block(path.name)) <= set(self.errors[key])]

    def outcome(self, key: Key) -> Outcome | None:
        """What the runs of a cell got wrong; None without predictions."""
        runs = [(Trainee(*key), path / "predictions.parquet") for path in self.blocks(key)]
        return predictions.read_errors(runs, {key}).get(key)

    def digest(self, corpus: str) -> str | None:
        """Of the rows of the corpus's test split, as its card says."""
        card = self.folder / "corpora" / corpus / "card.json"
        return str(read_json(card)["splits"]["test"]["sha256"]) if card.is_file() else None

    def circumstances(self) -> dict[str, str]:
        """Versions and machines of its runs, as far as they are the same in all of them."""
        found: dict[str, set[str]] = {}
        for path in sorted(self.folder.glob("runs/*/*/*/*/run.json")):
            record = read_json(path)
            for name, value in {**record.get("versions", {}), **record.get("machine", {})}.items():
                found.setdefault(name, set()).add(str(value))
        return {name: " and ".join(sorted(values)) for name, values in found.items()}


def changes(a: ResultsSide, b: ResultsSide) -> list[Change]:
    """Every cell of both sides: in the order of `VERDICTS`, then by size; then those of one side alone."""
    keys = sorted({*a.errors, *b.errors})
    both = [_change(a, b, key) for key in keys if key in a.errors and key in b.errors]
    corrected = iter(paired_tests.holm([change.p for change in both if not change.verdict and change.p is not None]))
    judged = [change if change.verdict else _judged(change, next(corrected)) for change in both]
    judged.sort(key=lambda change: (VERDICTS.index(change.verdict), -abs(change.difference or 0.0)))
    return judged + [_alone(a, b, key) for key in keys if (key in a.errors) != (key in b.errors)]


def _change(a: ResultsSide, b: ResultsSide, key: Key) -> Change:
    one, other = a.errors[key], b.errors[key]
    common = sorted(set(one) & set(other))
    pairs = [(seed, seed) for seed in common] or list(zip(sorted(one), sorted(other), strict=False))
    change = _means(key, one, other)
    ours, theirs = a.outcome(key), b.outcome(key)
    digests = {a.digest(key[0]), b.digest(key[0])} - {None}
    if ours is None or theirs is None:
        return _apart(change, one, other, "no predictions")
    if len(digests) > 1 or not np.array_equal(ours.labels, theirs.labels):
        return _apart(change, one, other, "other test examples")
    wrong = np.stack([theirs.wrong[second].astype(int) - ours.wrong[first] for first, second in pairs])  # (S, N)
    change = _means(key, {first: one[first] for first, _ in pairs}, {second: other[second] for _, second in pairs})
    how = "same seeds" if common else "other seeds"
    if common and not wrong.any():
        return replace(change, difference=0.0, low=0.0, high=0.0, verdict=SAME, how="same errors")
    effect = paired_tests.difference(wrong)
    low, high = effect.interval()
    change = replace(change, difference=100 * effect.value, low=100 * low, high=100 * high, how=how)
    if len(pairs) > 1:
        return replace(change, p=effect.p())
    return replace(change, p=effect.p(), verdict=DIFFERS, how="same seed") if common else replace(change, verdict=ONE)


def _apart(change: Change, one: Seeds, other: Seeds, how: str) -> Change:
    """Two samples: Welch's test, each side with the variance of its seeds and of its examples.

    With one seed a side Newcombe's interval (1998, method 10), which is about these models.
    """
    (p, n), (q, m) = _share(one), _share(other)
    change = replace(change, difference=100 * (q - p), how=how)
    if min(len(one), len(other)) == 1:
        (low_p, high_p), (low_q, high_q) = wilson(p * n, n), wilson(q * m, m)
        low = q - p - float(np.hypot(q - low_q, high_p - p))
        high = q - p + float(np.hypot(high_q - q, p - low_p))
        return replace(change, low=100 * low, high=100 * high, verdict=ONE)
    shares = [*_variances(one), *_variances(other)]
    total = sum(variance for variance, _ in shares)
    df = total**2 / sum(variance**2 / freedom for variance, freedom in shares)
    effect = paired_tests.Difference(q - p, total**0.5, df, min(len(one), len(other)), min(n, m))
    low, high = effect.interval()
    return replace(change, low=100 * low, high=100 * high, p=effect.p())


def _variances(seeds: Seeds) -> list[tuple[float, float]]:
    """Variance of a side's mean error by its seeds, and by its examples, which they share; with degrees of freedom.

    The second is that of one more error and one more that is none, so that it is never 0.
    """
    p, n = _share(seeds)
    p = (p * n + 1) / (n + 2)
    errors = [error / 100 for error, _ in seeds.values()]
    return [(float(np.var(errors, ddof=1)) / len(errors), len(errors) - 1), (p * (1 - p) / n, n - 1)]


def _share(seeds: Seeds) -> tuple[float, int]:
    """Mean share of errors over seeds, and test examples."""
    return float(np.mean([error for error, _ in seeds.values()])) / 100, next(iter(seeds.values()))[1]


def _means(key: Key, one: Seeds, other: Seeds) -> Change:
    means = [float(np.mean([error for error, _ in each.values()])) if each else None for each in (one, other)]
    return Change(*key, seeds_a=len(one), seeds_b=len(other), a=means[0], b=means[1])


def _judged(change: Change, corrected: float) -> Change:
    return replace(change, corrected=corrected, verdict=MOVED if corrected < paired_tests.LEVEL else NOISE)


def _alone(a: ResultsSide, b: ResultsSide, key: Key) -> Change:
    change = _means(key, a.errors.get(key, {}), b.errors.get(key, {}))
    return replace(change, verdict="only in a" if key in a.errors else "only in b")


# ---------------------------------------------------------------------------------------------- to the bit


def differences(a: ResultsSide, b: ResultsSide) -> list[str]:
    """What is not the same to the bit: rows of results, logits and histories of every run; empty where all is."""
    found = [f"{'/'.join(key)}: only in one of them" for key in sorted({*a.errors} ^ {*b.errors})]
    for key in sorted({*a.errors} & {*b.errors}):
        name = "/".join(key)
        if a.errors[key] != b.errors[key]:
            found.append(f"{name}: errors {_listed(a.errors[key])} against {_listed(b.errors[key])}")
        one, other = ({path.name: path for path in side.blocks(key)} for side in (a, b))
        if set(one) != set(other):
            found.append(f"{name}: predictions of {_names(one)} against {_names(other)}")
        for block in sorted(set(one) & set(other)):
            found += [f"{name}/{block}: {what}" for what in _unequal(one[block], other[block])]
    return found


def _unequal(a: Path, b: Path) -> list[str]:
    one, other = (pq.read_table(path / "predictions.parquet") for path in (a, b))
    rest = one.drop_columns("logits").equals(other.drop_columns("logits"))
    found = [] if one.equals(other) else ["logits" if rest else "predictions"]
    histories = [(path / "history.csv").read_bytes() if (path / "history.csv").is_file() else b"" for path in (a, b)]
    return found + (["history"] if histories[0] != histories[1] else [])


def _listed(seeds: Seeds) -> str:
    return ", ".join(f"{error:.10g} % ({seed})" for seed, (error, _) in sorted(seeds.items()))


def _names(blocks: Iterable[str]) -> str:
    return ", ".join(sorted(blocks)) or "nothing"
