"""A run as experiment trackers see it: parameters, tags, a history by step, and final values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bertfit.core.files import write_text
from bertfit.exchange.study_records import SeedRun

Value = str | int | float | bool
SCORES = ("error", "macro_f1", "mcc")
DIGEST = "bertfit.digest"
"""tag with `SeedRun.digest`, by which a run is known to be exported already"""
PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class TrackedRun:
    """What `tracked` makes of a run. ``history``: (step, metric -> value), in the order of the steps."""

    name: str
    group: str
    digest: str
    params: dict[str, Value]
    tags: dict[str, str]
    history: list[tuple[int, dict[str, float]]]
    final: dict[str, float]


def tracked(run: SeedRun) -> TrackedRun:
    """Parameters are those of the recipe, by dotted names, without empty ones; tags say where the run comes from.

    The history has every number of ``history.csv``; final values are ``last/`` and ``best/`` error (percent), macro-F1
    and Matthews correlation, what the seed took (``cost/`` seconds, tokens, steps, kwh), and of its classifier the
    parameters and the milliseconds of a text. Numbers that are not finite or not there are left out.
    """
    record, group = run.record, run.run_group
    params: dict[str, Value] = {"corpus": group.corpus, "encoder": group.encoder, "seed": run.seed}
    tags = {
        DIGEST: run.digest,
        "bertfit.study": run.study,
        "bertfit.recipe": group.recipe,
        "bertfit.artefacts": ",".join(run.artefacts),
        "bertfit.code": record.code,
        "bertfit.record": f"runs/{group.corpus}/{group.encoder}/{group.recipe}/{run.block.name}/run.json",
        "corpus.test.sha256": run.card.splits["test"].sha256,
        "corpus.licence": run.card.licence,
        **{f"machine.{name}": str(value) for name, value in record.machine.model_dump(exclude_none=True).items()},
        **{f"version.{name}": number for name, number in record.versions.items()},
    }
    final: dict[str, float | None] = {
        f"{which}/{name}": row[name] for which, row in run.scores.items() for name in SCORES
    }
    final |= {f"cost/{name}": value for name, value in run.cost.items()}
    if facts := record.classifier:
        time = facts.evaluation.milliseconds if facts.evaluation else None
        final |= {"classifier/parameters": facts.parameters, "classifier/milliseconds": time}
    return TrackedRun(
        name=run.name,
        group=f"{group.corpus}/{group.encoder}/{group.recipe}",
        digest=run.digest,
        params=params | dict(_flat(run.settings)),
        tags=tags,
        history=[(int(row["step"]), _numbers(row)) for row in run.history],
        final=_finite(final),
    )


def attach(run: SeedRun, folder: Path, *, predictions: bool) -> list[Path]:
    """Write the record of a run, and the history and (if asked for) ``predictions`` of its seed, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "run.json", (run.block / "run.json").read_text(encoding="utf-8"))
    lines = [",".join(run.history[0]), *(",".join(row.values()) for row in run.history)]
    write_text(folder / "history.csv", "".join(f"{line}\n" for line in lines))
    if not predictions:
        return [folder / "run.json", folder / "history.csv"]
    pq.write_table(run.predictions(), folder / PREDICTIONS, compression="zstd")
    return [folder / name for name in ("run.json", "history.csv", PREDICTIONS)]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Value]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", json.dumps(value) if isinstance(value, list) else value


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    """The metrics of a row of ``history.csv``."""
    return _finite({name: float(text) for name, text in row.items() if text and name not in ("seed", "step")})


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and isfinite(value)}
