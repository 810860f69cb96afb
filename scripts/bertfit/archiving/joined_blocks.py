"""Blocks of seeds of a merged study, made of those that were contributed: the same files that one job writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bertfit.archiving.contributed_runs import REMEDY
from bertfit.archiving.run_choice import SourceBlock
from bertfit.core.errors import UserError
from bertfit.core.files import read_json, write_text
from bertfit.energy import energy_use
from bertfit.energy.energy_use import Energy
from bertfit.experiments import job_record
from bertfit.experiments.job_record import JoinedJob


def write(sources: Sequence[SourceBlock], folder: Path, *, named: bool) -> None:
    """Write predictions, history and run.json of a block to ``folder``.

    ``named``: run.json says who contributed it. Raises `UserError` where the files of the blocks do not fit together.
    """
    folder.mkdir(parents=True)
    seeds = sorted(seed for source in sources for seed in source.seeds)
    first = sources[0].block
    record = folder / "run.json"
    if len(sources) == 1 and first.seeds == seeds:
        for name in ("predictions.parquet", "history.csv"):
            shutil.copyfile(first.folder / name, folder / name)
        name_contributor(first.folder / "run.json", record, first.archive.contributor if named else None)
        return
    _write_predictions(sources, folder / "predictions.parquet")
    _write_history(sources, seeds, folder / "history.csv")
    content = joined_record([part for source in sources for part in parts(source)], seeds)
    write_text(record, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def name_contributor(source: Path, out: Path, contributor: str | None) -> None:
    """Copy a ``run.json``, which then says who made it, unless it already does or that is None."""
    content = read_json(source)
    if contributor is None or content.get("contributor"):
        shutil.copyfile(source, out)
        return
    write_text(out, json.dumps(content | {"contributor": contributor}, indent=2, ensure_ascii=False) + "\n")


def _write_predictions(sources: Sequence[SourceBlock], out: Path) -> None:
    """The rows of all seeds, in ascending order of seeds."""
    rows: dict[int, pa.Table] = {}
    for source in sources:
        table = pq.read_table(source.block.folder / "predictions.parquet")
        if rows and not table.schema.equals(next(iter(rows.values())).schema, check_metadata=True):
            raise UserError(f"{source.block.folder}: predictions.parquet has columns or classes of its own; {REMEDY}")
        rows |= {seed: table.filter(pc.equal(table["seed"], seed)) for seed in source.seeds}
    pq.write_table(pa.concat_tables([rows[seed] for seed in sorted(rows)]), out)


def _write_history(sources: Sequence[SourceBlock], seeds: Sequence[int], out: Path) -> None:
    """The lines of all seeds, in ascending order of seeds."""
    header, _ = sources[0].block.history
    lines: dict[int, list[str]] = {}
    for source in sources:
        its_header, of_seed = source.block.history
        if its_header != header:
            raise UserError(f"{source.block.folder}: history.csv has other columns than another; {REMEDY}")
        lines |= {seed: of_seed[seed] for seed in source.seeds}
    write_text(out, "\n".join([header, *(line for seed in seeds for line in lines[seed])]) + "\n")


def parts(source: SourceBlock) -> list[dict[str, Any]]:
    """The jobs of a contributed block with the seeds that are taken: of one that was joined before, its own."""
    content = read_json(source.block.folder / "run.json")
    of_jobs = [
        (part.seeds, raw["record"])
        for part, raw in zip(source.block.record.joined, content.get("joined", []), strict=True)
    ]
    found = []
    for seeds, record in of_jobs or [(source.block.seeds, content)]:
        taken = sorted(set(seeds) & set(source.seeds))
        who = {} if record.get("contributor") else {"contributor": source.block.archive.contributor}
        found += [{"seeds": taken, "record": record | who}] if taken else []
    return found


def joined_record(joined: Sequence[dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """``run.json`` of a block of several jobs; ``joined`` holds their own, with the seeds taken from each.

    Time, energy and word pieces are sums over the seeds taken, and the encoding of each job; memory is the largest, the
    time of a text the shortest; where machines or versions differ, all are named.
    """
    joined = sorted(joined, key=lambda part: part["seeds"][0])
    records = [part["record"] for part in joined]
    first = records[0]
    costs = [JoinedJob.model_validate(part).taken.cost for part in joined]
    encodings = [cost.encoding for cost in costs if cost.encoding.seconds]
    memory = [cost.peak_memory_bytes.model_dump(exclude_none=True) for cost in costs]
    cost: dict[str, Any] = {
        "seconds": sum(cost.seconds or 0.0 for cost in costs),
        "energy": _total(cost.energy for cost in costs),
        "tokens": sum(cost.tokens or 0 for cost in costs),
        "threads": first["cost"].get("threads"),
        "encoding": {
            "seconds": sum(encoding.seconds for encoding in encodings),
            "energy": _total(encoding.energy for encoding in encodings),
        },
        "peak_memory_bytes": {name: max(peak.get(name, 0) for peak in memory) for name in {**memory[0], **memory[-1]}},
    }
    diverged = {
        str(seed): part["record"].get("diverged_at", {}).get(str(seed)) for part in joined for seed in part["seeds"]
    }
    return {
        **{name: value for name, value in first.items() if name not in ("joined", "contributor")},
        "spec": first["spec"] | {"seeds": list(seeds)},
        "versions": _all([record["versions"] for record in records]),
        "machine": first["machine"] | _all([_named(record["machine"]) for record in records]),
        "cost": cost,
        "classifier": job_record.fastest([record["classifier"] for record in records if record.get("classifier")]),
        "diverged_at": dict(sorted(diverged.items(), key=lambda item: int(item[0]))),
        "contributor": _distinct(record["contributor"] for record in records),
        "joined": joined,
    }


def _total(energies: Iterable[Energy | None]) -> dict[str, Any] | None:
    energy = energy_use.total(energies)
    return energy.model_dump() if energy else None


def _named(machine: dict[str, Any]) -> dict[str, str]:
    return {name: machine[name] for name in ("system", "device")}


def _all(values: Sequence[dict[str, str]]) -> dict[str, str]:
    """Of each key the different values, joined by commas."""
    keys = dict.fromkeys(key for value in values for key in value)
    return {key: _distinct(value[key] for value in values if key in value) for key in keys}


def _distinct(texts: Any) -> str:
    return ", ".join(dict.fromkeys(texts))
