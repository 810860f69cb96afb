"""Comparison of two results folders (of two seeds, machines or versions): cells whose error changed beyond noise.

A cell is a (corpus, encoder, recipe); its last evaluation counts. Where both sides predict the same test examples the
difference is tested paired on them (`paired_tests`); seeds are paired by number or, without a common one, in order.
Otherwise the errors are compared as independent samples of seeds and examples.

One seed a side allows no conclusion about other seeds. If it is the same seed on the same examples, a difference in
predictions is reported as such, with McNemar's p for the two trained models.

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
from bertfit.data import corpus_card
from bertfit.evaluation import predictions
from bertfit.evaluation.predictions import Outcome, RunKey
from bertfit.experiments import ids, job_record
from bertfit.experiments.cells import RunGroup
from bertfit.experiments.job_record import JobRecord
from bertfit.statistics import cluster_values, paired_tests
from bertfit.statistics.cluster_values import Clusters, check_clusters
from bertfit.statistics.metrics import wilson
from bertfit.statistics.significance import LEVEL

MOVED, DIFFERS, NOISE, ONE_SEED, SAME = "moved", "differs", "within noise", "cannot tell (one seed)", "same"
VERDICTS = (MOVED, DIFFERS, NOISE, ONE_SEED, SAME)
Seeds = dict[int, tuple[float, int]]
"""seed -> (error in percent, test examples)"""


@dataclass(frozen=True)
class Change:
    """Comparison of one cell; errors and differences (b - a) in percent of test examples."""

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
    """how seeds and examples are paired, or why they are not"""


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
    def errors(self) -> dict[RunKey, Seeds]:
        """(corpus, encoder, recipe) -> errors of its seeds."""
        errors: dict[RunKey, Seeds] = {}
        for row in self.results.to_dict("records"):
            key = (row["corpus"], row["encoder"], row["recipe"])
            errors.setdefault(key, {})[int(row["seed"])] = (float(row["error"]), int(row["n"]))
        return errors

    def blocks(self, key: RunKey) -> list[Path]:
        """Run folders of a cell whose seeds are in results.parquet."""
        folder = self.folder.joinpath("runs", *key)
        paths = [path for path in sorted(folder.glob("seeds*")) if (path / "predictions.parquet").is_file()]
        return [path for path in paths if set(ids.parse_block(path.name)) <= set(self.errors[key])]

    def outcome(self, key: RunKey) -> Outcome | None:
        """Errors of a cell's runs, example by example; None without predictions."""
        runs = [(RunGroup(*key), path / "predictions.parquet") for path in self.blocks(key)]
        return predictions.read_errors(runs, {(*key, "last")}).get((*key, "last"))

    def digest(self, corpus: str) -> str | None:
        """SHA-256 of the corpus's test split, from its card; None without a card."""
        card = self.folder / "corpora" / corpus / "card.json"
        return corpus_card.read(card).splits["test"].sha256 if card.is_file() else None

    def clusters(self, corpus: str) -> Clusters | None:
        """The clusters of the corpus's test examples; None in results that have none."""
        path = self.folder / "corpora" / corpus / "clusters.parquet"
        return cluster_values.read([path]).get(corpus) if path.is_file() else None

    def circumstances(self) -> dict[str, str]:
        """Versions and machine properties of the runs; several values of one are joined by "and".

        Raises `UserError` for a damaged record.
        """
        values_of: dict[str, set[str]] = {}
        for path in sorted(self.folder.glob("runs/*/*/*/*/run.json")):
            record = job_record.read(path, JobRecord, remedy="copy the results again, with their records")
            for name, value in (record.versions | record.machine.model_dump(exclude_none=True)).items():
                values_of.setdefault(name, set()).add(str(value))
        return {name: " and ".join(sorted(values)) for name, values in values_of.items()}


def changes(a: ResultsSide, b: ResultsSide) -> list[Change]:
    """Cells of both sides, sorted by `VERDICTS` and size of the difference; then cells of one side alone."""
    keys = sorted({*a.errors, *b.errors})
    both = [_change(a, b, key) for key in keys if key in a.errors and key in b.errors]
    corrected = iter(paired_tests.holm([change.p for change in both if not change.verdict and change.p is not None]))
    judged = [change if change.verdict else _with_verdict(change, next(corrected)) for change in both]
    judged.sort(key=lambda change: (VERDICTS.index(change.verdict), -abs(change.difference or 0.0)))
    return judged + [_only_one_side(a, b, key) for key in keys if (key in a.errors) != (key in b.errors)]


def _change(a: ResultsSide, b: ResultsSide, key: RunKey) -> Change:
    seeds_a, seeds_b = a.errors[key], b.errors[key]
    common = sorted(set(seeds_a) & set(seeds_b))
    pairs = [(seed, seed) for seed in common] or list(zip(sorted(seeds_a), sorted(seeds_b), strict=False))
    change = _means(key, seeds_a, seeds_b)
    outcome_a, outcome_b = a.outcome(key), b.outcome(key)
    digests = {a.digest(key[0]), b.digest(key[0])} - {None}
    if outcome_a is None or outcome_b is None:
        return _unpaired(change, seeds_a, seeds_b, "no predictions")
    if len(digests) > 1 or not np.array_equal(outcome_a.labels, outcome_b.labels):
        return _unpaired(change, seeds_a, seeds_b, "other test examples")
    wrong = np.stack([outcome_b.wrong[in_b].astype(int) - outcome_a.wrong[in_a] for in_a, in_b in pairs])  # (S, N)
    paired_a, paired_b = {in_a: seeds_a[in_a] for in_a, _ in pairs}, {in_b: seeds_b[in_b] for _, in_b in pairs}
    change = _means(key, paired_a, paired_b)
    how = "same seeds" if common else "other seeds"
    if common and not wrong.any():
        return replace(change, difference=0.0, low=0.0, high=0.0, verdict=SAME, how="same errors")
    clusters = a.clusters(key[0]) or b.clusters(key[0])
    check_clusters(clusters, wrong.shape[-1], key[0])
    effect = paired_tests.difference(wrong, clusters)
    low, high = effect.interval()
    change = replace(change, difference=100 * effect.value, low=100 * low, high=100 * high, how=how)
    if len(pairs) == 1 and not common:
        return replace(change, verdict=ONE_SEED)
    change = replace(change, p=effect.p())
    return change if len(pairs) > 1 else replace(change, verdict=DIFFERS, how="same seed")


def _unpaired(change: Change, seeds_a: Seeds, seeds_b: Seeds, how: str) -> Change:
    """Welch's test of two independent samples, each with the variance of its seeds and of its examples.

    With one seed a side Newcombe's interval (1998, method 10) for two trained models, and no test.
    """
    (p, n), (q, m) = _share(seeds_a), _share(seeds_b)
    change = replace(change, difference=100 * (q - p), how=how)
    if min(len(seeds_a), len(seeds_b)) == 1:
        (low_p, high_p), (low_q, high_q) = wilson(p * n, n), wilson(q * m, m)
        low = q - p - float(np.hypot(q - low_q, high_p - p))
        high = q - p + float(np.hypot(high_q - q, p - low_p))
        return replace(change, low=100 * low, high=100 * high, verdict=ONE_SEED)
    components = [*_variances(seeds_a), *_variances(seeds_b)]
    total = sum(variance for variance, _ in components)
    df = total**2 / sum(variance**2 / freedom for variance, freedom in components)
    effect = paired_tests.Difference(q - p, total**0.5, df, min(len(seeds_a), len(seeds_b)), min(n, m))
    low, high = effect.interval()
    return replace(change, low=100 * low, high=100 * high, p=effect.p())


def _variances(seeds: Seeds) -> list[tuple[float, float]]:
    """Variance of a side's mean error due to its seeds, and due to its examples, each with its degrees of freedom.

    One error and one correct prediction are added for the second, so that it is never 0.
    """
    p, n = _share(seeds)
    p = (p * n + 1) / (n + 2)
    errors = [error / 100 for error, _ in seeds.values()]
    return [(float(np.var(errors, ddof=1)) / len(errors), len(errors) - 1), (p * (1 - p) / n, n - 1)]


def _share(seeds: Seeds) -> tuple[float, int]:
    """Mean share of errors over seeds, and test examples."""
    return float(np.mean([error for error, _ in seeds.values()])) / 100, next(iter(seeds.values()))[1]


def _means(key: RunKey, seeds_a: Seeds, seeds_b: Seeds) -> Change:
    a, b = (float(np.mean([error for error, _ in side.values()])) if side else None for side in (seeds_a, seeds_b))
    return Change(*key, seeds_a=len(seeds_a), seeds_b=len(seeds_b), a=a, b=b)


def _with_verdict(change: Change, corrected: float) -> Change:
    return replace(change, corrected=corrected, verdict=MOVED if corrected < LEVEL else NOISE)


def _only_one_side(a: ResultsSide, b: ResultsSide, key: RunKey) -> Change:
    change = _means(key, a.errors.get(key, {}), b.errors.get(key, {}))
    return replace(change, verdict="only in a" if key in a.errors else "only in b")


# ---------------------------------------------------------------------------------------------- bit-identity


def differences(a: ResultsSide, b: ResultsSide) -> list[str]:
    """Rows of results, logits and histories of runs that are not bit-identical, a line each."""
    lines = [f"{'/'.join(key)}: only in one of them" for key in sorted({*a.errors} ^ {*b.errors})]
    for key in sorted({*a.errors} & {*b.errors}):
        name = "/".join(key)
        if a.errors[key] != b.errors[key]:
            lines.append(f"{name}: errors {_listed(a.errors[key])} against {_listed(b.errors[key])}")
        blocks_a, blocks_b = ({path.name: path for path in side.blocks(key)} for side in (a, b))
        if set(blocks_a) != set(blocks_b):
            lines.append(f"{name}: predictions of {_names(blocks_a)} against {_names(blocks_b)}")
        for block in sorted(set(blocks_a) & set(blocks_b)):
            lines += [f"{name}/{block}: {part}" for part in _unequal_parts(blocks_a[block], blocks_b[block])]
    return lines


def _unequal_parts(a: Path, b: Path) -> list[str]:
    table_a, table_b = (pq.read_table(path / "predictions.parquet") for path in (a, b))
    rest_equal = table_a.drop_columns("logits").equals(table_b.drop_columns("logits"))
    parts = [] if table_a.equals(table_b) else ["logits" if rest_equal else "predictions"]
    histories = [(path / "history.csv").read_bytes() if (path / "history.csv").is_file() else b"" for path in (a, b)]
    return parts + (["history"] if histories[0] != histories[1] else [])


def _listed(seeds: Seeds) -> str:
    return ", ".join(f"{error:.10g} % ({seed})" for seed, (error, _) in sorted(seeds.items()))


def _names(blocks: Iterable[str]) -> str:
    return ", ".join(sorted(blocks)) or "nothing"
