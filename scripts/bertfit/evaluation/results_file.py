"""``results.parquet``: columns, means over seeds, and the paper's published values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import pandas as pd
import pyarrow as pa

from bertfit.core.errors import UserError
from bertfit.core.files import PROJECT
from bertfit.experiments.job_specs import CellSpec
from bertfit.statistics.significance import LEVEL

PUBLISHED = PROJECT / "paper" / "published.csv"
"""the values that the paper prints"""
SCHEMA = pa.schema(
    {
        "study": pa.string(),
        "corpus": pa.string(),
        "encoder": pa.string(),
        "recipe": pa.string(),
        "seed": pa.int32(),
        "selection": pa.string(),
        "step": pa.int32(),
        "epoch": pa.float64(),
        "n": pa.int64(),
        "errors": pa.int64(),
        "error": pa.float64(),
        "macro_f1": pa.float64(),
        "mcc": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "failed": pa.int32(),
        "p_lowest": pa.float64(),
        "run_low": pa.float64(),
        "run_high": pa.float64(),
    }
)
"""``n`` test examples, ``errors`` wrong ones, ``error`` in percent; ``macro_f1`` and ``mcc`` (Matthews) as shares of 1.
The same for all seeds of a (corpus, encoder, recipe), repeated: ``low`` and ``high`` of their mean error, in percent;
``failed``, the number of failed runs (`failed_runs.failed`); ``p_lowest``, the paired p of no difference from the one
with the lowest mean error on the corpus in the file; ``run_low`` and ``run_high``, in percent, the interval of one more
run's error (`further_run.prediction_interval`), null where it is not known."""
SELECTIONS = ("last", "best")


@dataclass(frozen=True)
class ErrorSummary:
    """Test error of one (corpus, encoder, recipe) over its seeds, in percent."""

    n: int
    """seeds"""
    mean: float
    """of the last epoch"""
    std: float
    """sample standard deviation of the last epoch over seeds (n - 1); nan for one seed"""
    low: float
    high: float
    """95 % interval of ``mean`` over seeds and test examples; with one seed Wilson's, over test examples alone"""
    mean_best: float
    """of the best epoch"""
    failed: int = 0
    """runs whose training failed"""
    p_lowest: float = 1.0
    """paired p of no difference from the lowest error on the corpus; nan where it could not be tested"""
    run_low: float = nan
    run_high: float = nan
    """where one more run's error of the best epoch is to be expected; nan for one seed and where runs failed"""

    @property
    def among_lowest(self) -> bool:
        """Whether it is not shown to be worse than the lowest error, and none of its runs failed."""
        return self.p_lowest >= LEVEL and not self.failed


def summarise_cell(results: pd.DataFrame, cell: CellSpec) -> ErrorSummary | None:
    """`summarise` of the runs of a cell; None if its status is not ``ok``."""
    if cell.status != "ok":
        return None
    assert cell.encoder and cell.recipe
    return summarise(results, cell.corpus, cell.encoder, cell.recipe, cell.seeds)


def summarise(results: pd.DataFrame, corpus: str, encoder: str, recipe: str, seeds: Sequence[int]) -> ErrorSummary:
    """Summary of one (corpus, encoder, recipe) over ``seeds``, from the rows of ``results.parquet``.

    Raises `UserError` where a seed is missing, or where the rows have further seeds: the interval would include them.
    """
    rows = results[(results.corpus == corpus) & (results.encoder == encoder) & (results.recipe == recipe)]
    last, best = (rows[rows.selection == selection].set_index("seed") for selection in SELECTIONS)
    missing = [seed for seed in seeds if seed not in last.index or seed not in best.index]
    if missing or not seeds:
        raise UserError(
            f"results.parquet: no run {corpus}/{encoder}/{recipe} with seed {missing}; score the runs again"
        )
    if others := sorted(set(last.index) - set(seeds)):
        raise UserError(
            f"results.parquet: the interval of {corpus}/{encoder}/{recipe} also covers seed {others}; "
            "score only the runs that are shown"
        )
    error = last.loc[list(seeds), "error"]
    low, high = (float(last[bound].iloc[0]) for bound in ("low", "high"))
    mean_best = float(best.loc[list(seeds), "error"].mean())
    failed, p_lowest = int(last["failed"].iloc[0]), float(last["p_lowest"].iloc[0])
    mean, std = float(error.mean()), float(error.std(ddof=1))
    run_low, run_high = (float(best[bound].iloc[0]) for bound in ("run_low", "run_high"))
    return ErrorSummary(len(seeds), mean, std, low, high, mean_best, failed, p_lowest, run_low, run_high)


def published(path: Path, key: str) -> dict[tuple[str, str], str]:
    """Published values of the artefact ``key``, as the paper prints them: (row, column) -> value.

    Raises `UserError` where the file is missing or lacks a column.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows = frame[frame["artefact"] == key]
        return dict(zip(zip(rows["row"], rows["column"], strict=True), rows["value"], strict=True))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it contains the published values and comes with the workflow") from None
    except KeyError as error:
        raise UserError(f"{path}: no column {error}; the header is artefact,row,column,value,confidence") from None


def number(value: str | None) -> float:
    """A published value as a number; nan where the paper gives none (``/`` or ``-``)."""
    try:
        return float(value or "nan")
    except ValueError:
        return float("nan")
