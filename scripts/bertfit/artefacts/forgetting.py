"""What further pre-training forgets: MLM loss on general text that no training text holds, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from bertfit.artefacts.paper_comparison import relative, write_csv
from bertfit.artefacts.table_rendering import Grid, Line, Shown, write
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.core.files import read_json

COLUMNS = ("row", "encoder", "mix", "steps", "before", "after", "change", "status", "reason")
_HEADINGS = ("Steps", "Before", "After", "Change")


class Pretrained(TypedDict):
    """A further pre-trained encoder: ``mix`` names its texts, ``record`` is its run.json, None for ``reason``."""

    encoder: str
    title: str
    mix: str
    steps: int
    record: str | None
    status: str
    reason: str


def build(
    *, artefact: Artefact, key: str, encoders: Sequence[Pretrained], csv: Path, md: Path, tex: Path, html: Path
) -> None:
    """Write the table of losses, in nats per masked word piece; a row an encoder, in their order.

    ``before`` is empty where the heads were fresh: an untrained head's loss says nothing of what was known. ``change``
    is after - before: above 0 is forgotten. The CSV has `COLUMNS`.

    Raises `UserError` where a record is missing or is not that of a pre-training.
    """
    records, lines = [], []
    titles = {each["title"] for each in encoders}
    times = Counter((each["title"], each["mix"], each["steps"]) for each in encoders)
    for each in encoders:
        same = times[each["title"], each["mix"], each["steps"]] > 1
        label = f"{each['mix']} ({each['encoder']})" if same else each["mix"]
        record: dict[str, Any] = {**each, "row": label}
        if each["status"] == "ok" and each["record"] is not None:
            record |= _losses(Path(each["record"]))
        records.append(record)
        link = relative(Path(each["record"]), html) if each["record"] else ""
        lines.append(Line(label, _shown(record), each["title"] if len(titles) > 1 else "", link))
    write_csv(records, COLUMNS, csv)
    notes = [
        "Mean loss of masked language modelling on the held-out text, in nats per masked word piece; change: after - "
        "before, above 0 is forgotten.",
        *(["–: the heads were fresh, so there is no loss before."] if any(map(_fresh, records)) else []),
        *dict.fromkeys(f"{row['row']}: {row['status']}; {row['reason']}" for row in records if row["reason"]),
    ]
    write(
        Grid(key, artefact, dict.fromkeys(_HEADINGS, ""), [""], lines, notes, "pre-trained on"),
        md=md,
        tex=tex,
        html=html,
    )


def _losses(path: Path) -> dict[str, Any]:
    """before, after, change, status and reason from a run.json."""
    try:
        measured = read_json(path)["held_out_mlm_loss"]
        if measured is None:
            return {"status": "not available", "reason": "the study declares no held-out text"}
        before, after = measured["before"], float(measured["after"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: no loss on held-out text ({type(error).__name__}: {error}); delete its folder and run again"
        ) from error
    change = None if before is None else after - before
    return {"before": before, "after": after, "change": change}


def _fresh(record: dict[str, Any]) -> bool:
    return record.get("after") is not None and record["before"] is None


def _shown(record: dict[str, Any]) -> list[Shown]:
    steps = Shown(f"{record['steps']:,}")
    if record.get("after") is None:
        return [steps, Shown("–"), Shown(record["status"]), Shown("–")]
    if record["before"] is None:
        return [steps, Shown("–"), Shown(f"{record['after']:.3f}"), Shown("–")]
    change = f"{record['change']:+.3f}".replace("-", "−")
    return [steps, Shown(f"{record['before']:.3f}"), Shown(f"{record['after']:.3f}"), Shown(change)]
