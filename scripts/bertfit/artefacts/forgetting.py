"""Table of forgetting: MLM loss on held-out general text before and after further pre-training."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bertfit.artefacts.paper_comparison import relative, write_csv
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles, write
from bertfit.core.formatting import signed
from bertfit.experiments import job_record
from bertfit.experiments.job_record import HeldOutLoss, PretrainingRecord
from bertfit.experiments.job_specs import ForgettingSpec, PretrainedEncoder

COLUMNS = ("row", "encoder", "mix", "steps", "n", "before", "after", "change", "std", "status", "reason")
UNMEASURED = {"status": "not available", "reason": "the study declares no held-out text"}
_HEADINGS = ("Steps", "Before", "After", "Change")


def build(spec: ForgettingSpec, *, files: TableFiles) -> None:
    """Write the table of losses, in nats per masked word piece, with a row for each encoder.

    ``before`` is empty if the heads were newly initialised, as the loss of an untrained head does not measure the
    encoder. ``change`` is after - before; above 0 means forgetting. The CSV has `COLUMNS`: of ``n`` pre-trainings with
    different seeds the mean losses, and ``std``, the sample standard deviation of ``after`` between them.

    Raises `UserError` if a record is missing or not of a pre-training.
    """
    encoders = spec.encoders
    titles = {encoder.title for encoder in encoders}
    times = Counter((encoder.title, encoder.mix, encoder.steps) for encoder in encoders)
    rows: list[tuple[str, PretrainedEncoder, MeanLoss | None]] = []
    for encoder in encoders:
        same = times[encoder.title, encoder.mix, encoder.steps] > 1
        loss = _mean([job_record.read(Path(path), PretrainingRecord).held_out_mlm_loss for path in encoder.records])
        rows.append((f"{encoder.mix} ({encoder.encoder})" if same else encoder.mix, encoder, loss))
    records = [
        {**encoder.model_dump(), **_result(loss), "n": len(encoder.records), "row": label}
        for label, encoder, loss in rows
    ]
    write_csv(records, COLUMNS, files.csv)
    lines = []
    for label, encoder, loss in rows:
        link = relative(Path(encoder.records[0]), files.html)
        lines.append(GridRow(label, _places(encoder, loss), encoder.title if len(titles) > 1 else "", link))
    several = any(len(encoder.records) > 1 for encoder in encoders)
    untrained_heads = any(loss and loss.before is None for _, _, loss in rows)
    notes = [
        "Mean loss of masked language modelling on the held-out text, in nats per masked word piece; change: after - "
        "before; above 0 means forgetting.",
        *(["±: sample standard deviation between the seeds of pre-training, whose mean is shown."] if several else []),
        *(["–: the heads were newly initialised, so there is no loss before."] if untrained_heads else []),
        *dict.fromkeys(f"{label}: {'; '.join(UNMEASURED.values())}" for label, _, loss in rows if loss is None),
    ]
    grid = Grid(dict.fromkeys(_HEADINGS, ""), [""], lines, corner="pre-trained on")
    write(grid, spec, notes=notes, files=files)


class MeanLoss(NamedTuple):
    """Losses before and after, as the mean over pre-trainings with different seeds, and their spread after."""

    before: float | None
    after: float
    std: float | None

    @property
    def change(self) -> float | None:
        """After - before."""
        return None if self.before is None else self.after - self.before


def _mean(losses: Sequence[HeldOutLoss | None]) -> MeanLoss | None:
    """None if a record has no loss."""
    measured = [loss for loss in losses if loss is not None]
    if len(measured) < len(losses):
        return None
    before = [loss.before for loss in measured if loss.before is not None]
    after = [loss.after for loss in measured]
    return MeanLoss(
        statistics.fmean(before) if len(before) == len(losses) else None,
        statistics.fmean(after),
        statistics.stdev(after) if len(after) > 1 else None,
    )


def _result(loss: MeanLoss | None) -> dict[str, float | str | None]:
    """The columns of the CSV that depend on the loss, which is None if the record has none."""
    if loss is None:
        return {**UNMEASURED}
    return {**loss._asdict(), "change": loss.change, "status": "ok", "reason": ""}


def _places(encoder: PretrainedEncoder, loss: MeanLoss | None) -> list[GridCell]:
    steps = GridCell(f"{encoder.steps:,}")
    if loss is None:
        return [steps, GridCell("–"), GridCell(UNMEASURED["status"]), GridCell("–")]
    after = GridCell(f"{loss.after:.3f}" + (f" ± {loss.std:.3f}" if loss.std is not None else ""))
    if loss.before is None or loss.change is None:
        return [steps, GridCell("–"), after, GridCell("–")]
    return [steps, GridCell(f"{loss.before:.3f}"), after, GridCell(signed(loss.change, 3))]
