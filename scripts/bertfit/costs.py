"""What a study cost, stage by stage, on which machines, and beside it what was planned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STAGES = ("fetched", "pre-training", "multi-task fine-tuning", "features", "fine-tuning", "baseline")


@dataclass(frozen=True)
class Stage:
    """Jobs of one stage: seconds within their loops, word pieces, peak bytes of a process and of a device."""

    name: str
    jobs: int
    seconds: float
    tokens: int
    memory: int
    device_memory: int | None
    planned_jobs: int | None = None
    planned_seconds: float | None = None

    @property
    def rate(self) -> float | None:
        """Word pieces a second."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None


def stages(done: Iterable[tuple[str, Mapping[str, Any]]], plan: Mapping[str, Any] | None = None) -> list[Stage]:
    """Sums over jobs (stage, `explorer.job_record`), in the order of `STAGES`, then all together.

    ``plan``: ``{"stages": {stage: {"jobs": n, "seconds": s}}}``, what was expected of the same stages.
    """
    jobs: dict[str, list[Mapping[str, Any]]] = {name: [] for name in STAGES}
    for stage, record in done:
        jobs[stage].append(record)
    planned = (plan or {}).get("stages", {})
    found = [_stage(name, records, planned.get(name)) for name, records in jobs.items() if records or name in planned]
    if len(found) < 2:
        return found
    whole: dict[str, Any] = {key: 0 for key in ("jobs", "seconds")}
    for each in planned.values():
        whole = {key: whole[key] + (each.get(key) or 0) for key in whole}
    return [
        *found,
        _stage("together", [one for records in jobs.values() for one in records], whole if planned else None),
    ]


def _stage(name: str, records: Sequence[Mapping[str, Any]], planned: Mapping[str, Any] | None) -> Stage:
    on_device = [record["memory"]["device"] for record in records if "device" in record["memory"]]
    return Stage(
        name,
        len(records),
        sum(record["seconds"] or 0.0 for record in records),
        sum(record["tokens"] or 0 for record in records),
        max((record["memory"]["process"] for record in records), default=0),
        max(on_device, default=None),
        (planned or {}).get("jobs"),
        (planned or {}).get("seconds"),
    )


def distinct(values: Iterable[Mapping[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Different values and how often each comes, the most frequent first, then as they read."""
    counts: dict[str, int] = {}
    for value in values:
        text = json.dumps(value, sort_keys=True)
        counts[text] = counts.get(text, 0) + 1
    return [(json.loads(text), count) for text, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
