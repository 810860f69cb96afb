"""Error rates: from the predictions of every run to ``results.parquet``, and from there to means and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import ndtri

from bertfit.errors import UserError
from bertfit.files import atomic

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
    }
)
RUN = ["corpus", "encoder", "recipe", "seed"]


def build(runs: Sequence[Mapping[str, Any]], out: Path, *, study: str) -> None:
    """Score runs into ``out``: one row per (run, selection), sorted, with the columns of `SCHEMA`.

    Each of ``runs`` is a block of seeds with the keys ``corpus``, ``encoder``, ``recipe`` and the paths ``predictions``
    and ``history``. ``last`` is the last evaluation; ``best`` the one with the lowest validation error where the run
    has one, else with the lowest test error as the official code selects (run_classifier_single_layer.py), the first of
    ties. ``n`` counts test examples, ``errors`` the wrong ones, ``error`` is in percent.

    Raises `UserError` where predictions and history do not belong together, or a run comes twice.
    """
    rows = [
        {"study": study, **{key: run[key] for key in ("corpus", "encoder", "recipe")}, **row}
        for run in runs
        for row in _score(Path(run["predictions"]), Path(run["history"]))
    ]
    frame = pd.DataFrame(rows, columns=SCHEMA.names)
    frame = frame.sort_values([*RUN, "selection"], ascending=[True] * len(RUN) + [False], ignore_index=True)
    twice = frame[frame.duplicated([*RUN, "selection"])]
    if len(twice):
        raise UserError(f"run {twice[RUN].iloc[0].to_dict()} is scored twice; its seed lies in two blocks: delete one")
    with atomic(out) as temporary:
        pq.write_table(pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False), temporary)


def wilson(errors: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of the share ``errors / n``, as shares within [0, 1].

    Equals ``scipy.stats.binomtest(errors, n).proportion_ci(level, "wilson")``, which takes whole counts only, while a
    mean over seeds is a fraction. Raises `ValueError` unless 0 <= errors <= n and n > 0.
    """
    if not 0 <= errors <= n or n <= 0:
        raise ValueError(f"{errors} errors of {n} examples")
    z, share = float(ndtri((1 + level) / 2)), errors / n
    centre = share + z**2 / (2 * n)
    half = z * (share * (1 - share) / n + (z / (2 * n)) ** 2) ** 0.5
    low, high = ((centre + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding may leave them by 1e-17


@dataclass(frozen=True)
class Summary:
    """Test error of one (corpus, encoder, recipe) over its seeds, in percent."""

    n: int
    """seeds"""
    mean: float
    """of the last epoch"""
    std: float
    """sample standard deviation of the last epoch over seeds (n - 1); nan for one seed"""
    low: float
    high: float
    mean_best: float
    """of the best epoch"""


def summarise(results: pd.DataFrame, corpus: str, encoder: str, recipe: str, seeds: Sequence[int]) -> Summary:
    """Summary of the rows of ``results.parquet`` that belong to these runs.

    ``low`` and ``high`` are the 95 % Wilson interval of the mean error on one test set: all seeds are tested on the
    same examples, so they do not add up to a larger sample and do not narrow it.

    Raises `UserError` where a seed is missing.
    """
    mine = results[(results.corpus == corpus) & (results.encoder == encoder) & (results.recipe == recipe)]
    last, best = (mine[mine.selection == which].set_index("seed") for which in ("last", "best"))
    missing = [seed for seed in seeds if seed not in last.index or seed not in best.index]
    if missing or not seeds:
        raise UserError(
            f"results.parquet: no run {corpus}/{encoder}/{recipe} with seed {missing}; score the runs again"
        )
    error, n = last.loc[list(seeds), "error"], int(last.loc[list(seeds), "n"].iloc[0])
    mean = float(error.mean())
    low, high = wilson(mean / 100 * n, n)
    mean_best = float(best.loc[list(seeds), "error"].mean())
    return Summary(len(seeds), mean, float(error.std(ddof=1)), 100 * low, 100 * high, mean_best)


def published(path: Path, key: str) -> dict[tuple[str, str], str]:
    """The paper's values of the artefact ``key``, as printed there: (row, column) -> value.

    Raises `UserError` where the file is missing or lacks a column.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        mine = frame[frame["artefact"] == key]
        return dict(zip(zip(mine["row"], mine["column"], strict=True), mine["value"], strict=True))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it holds the published values and comes with the workflow") from None
    except KeyError as error:
        raise UserError(f"{path}: no column {error}; the header is artefact,row,column,value,confidence") from None


def number(value: str | None) -> float:
    """A published value as a number; nan where the paper gives none (``/`` or ``-``)."""
    try:
        return float(value or "nan")
    except ValueError:
        return float("nan")


def _score(predictions: Path, history: Path) -> list[dict[str, Any]]:
    """Rows of one block of seeds: seed, selection, step, epoch, n, errors, error."""
    counts = _counts(predictions)
    log = pd.read_csv(history).dropna(subset=["test_error"]).sort_values(["seed", "step"])
    if {seed for seed, _ in counts} != set(log["seed"]):
        raise UserError(f"{history}: its seeds are not those of {predictions.name}; delete the folder and run again")
    rows = []
    for seed in sorted(set(log["seed"])):
        evaluations = log[log["seed"] == seed].reset_index(drop=True)
        chosen_on = "test_error" if evaluations["validation_error"].isna().all() else "validation_error"
        places = {"last": len(evaluations) - 1, "best": int(np.nanargmin(evaluations[chosen_on]))}
        for selection, place in places.items():
            step, logged = int(evaluations["step"][place]), float(evaluations["test_error"][place])
            if (seed, step) not in counts:
                raise UserError(f"{predictions}: no predictions of seed {seed} at step {step}; delete it and run again")
            epoch, n, errors = counts[seed, step]
            error = 100 * errors / n
            if abs(error - logged) > 0.01:
                raise UserError(
                    f"{predictions}: {error:.2f} % wrong for seed {seed} at step {step}, but {history.name} says "
                    f"{logged:.2f} %; delete the folder and run again"
                )
            found = {"seed": seed, "selection": selection, "step": step, "epoch": epoch}
            rows.append({**found, "n": n, "errors": errors, "error": error})
    return rows


def _counts(path: Path) -> dict[tuple[int, int], tuple[float, int, int]]:
    """(seed, step) -> epoch, examples, errors."""
    table = pq.read_table(path, columns=["seed", "step", "epoch", "example", "label", "logits"])
    frame = table.drop_columns(["logits"]).to_pandas()
    column = table.column("logits").combine_chunks()
    flat = np.asarray(column.flatten())
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    if not len(frame) or (lengths != lengths[0]).any() or not np.isfinite(flat).all():
        raise UserError(f"{path}: logits are missing, ragged or not finite; delete it and run again")
    if frame.duplicated(["seed", "step", "example"]).any():
        raise UserError(f"{path}: an example is predicted twice at one step; delete it and run again")
    frame["wrong"] = flat.reshape(len(frame), lengths[0]).argmax(axis=1) != frame["label"]
    counts = frame.groupby(["seed", "step"]).agg(epoch=("epoch", "first"), n=("wrong", "size"), errors=("wrong", "sum"))
    return {
        (int(row["seed"]), int(row["step"])): (float(row["epoch"]), int(row["n"]), int(row["errors"]))
        for row in counts.reset_index().to_dict("records")
    }
