"""Table of forgetting: MLM loss on held-out general text before and after further pre-training."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bertfit.artefacts.paper_comparison import relative, write_csv
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles, write
from bertfit.core.formatting import signed
from bertfit.experiments import job_record
from bertfit.experiments.job_record import HeldOutLoss, PretrainingRecord
from bertfit.experiments.job_specs import ForgettingSpec, PretrainedEncoder

COLUMNS = ("row", "encoder", "mix", "steps", "before", "after", "change", "status", "reason")
UNMEASURED = {"status": "not available", "reason": "the study declares no held-out text"}
_HEADINGS = ("Steps", "Before", "After", "Change")


def build(spec: ForgettingSpec, *, files: TableFiles) -> None:
    """Write the table of losses, in nats per masked word piece, with a row for each encoder.

    ``before`` is empty if the heads were newly initialised, as the loss of an untrained head does not measure the
    encoder. ``change`` is after - before; above 0 means forgetting. The CSV has `COLUMNS`.

    Raises `UserError` if a record is missing or not of a pre-training.
    """
    encoders = spec.encoders
    titles = {encoder.title for encoder in encoders}
    times = Counter((encoder.title, encoder.mix, encoder.steps) for encoder in encoders)
    rows: list[tuple[str, PretrainedEncoder, HeldOutLoss | None]] = []
    for encoder in encoders:
        same = times[encoder.title, encoder.mix, encoder.steps] > 1
        loss = job_record.read(Path(encoder.record), PretrainingRecord).held_out_mlm_loss
        rows.append((f"{encoder.mix} ({encoder.encoder})" if same else encoder.mix, encoder, loss))
    records = [{**encoder.model_dump(), **_result(loss), "row": label} for label, encoder, loss in rows]
    write_csv(records, COLUMNS, files.csv)
    lines = []
    for label, encoder, loss in rows:
        link = relative(Path(encoder.record), files.html)
        lines.append(GridRow(label, _places(encoder, loss), encoder.title if len(titles) > 1 else "", link))
    untrained_heads = any(loss and loss.before is None for _, _, loss in rows)
    notes = [
        "Mean loss of masked language modelling on the held-out text, in nats per masked word piece; change: after - "
        "before; above 0 means forgetting.",
        *(["–: the heads were newly initialised, so there is no loss before."] if untrained_heads else []),
        *dict.fromkeys(f"{label}: {'; '.join(UNMEASURED.values())}" for label, _, loss in rows if loss is None),
    ]
    grid = Grid(dict.fromkeys(_HEADINGS, ""), [""], lines, corner="pre-trained on")
    write(grid, spec, notes=notes, files=files)


def _result(loss: HeldOutLoss | None) -> dict[str, float | str | None]:
    """The columns of the CSV that depend on the loss, which is None if the record has none."""
    if loss is None:
        return {**UNMEASURED}
    return {"before": loss.before, "after": loss.after, "change": loss.change, "status": "ok", "reason": ""}


def _places(encoder: PretrainedEncoder, loss: HeldOutLoss | None) -> list[GridCell]:
    steps = GridCell(f"{encoder.steps:,}")
    if loss is None:
        return [steps, GridCell("–"), GridCell(UNMEASURED["status"]), GridCell("–")]
    if loss.before is None or loss.change is None:
        return [steps, GridCell("–"), GridCell(f"{loss.after:.3f}"), GridCell("–")]
    return [steps, GridCell(f"{loss.before:.3f}"), GridCell(f"{loss.after:.3f}"), GridCell(signed(loss.change, 3))]
