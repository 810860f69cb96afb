"""Table of forgetting: MLM loss on held-out general text before and after further pre-training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bertfit.artefacts.paper_comparison import relative, write_csv
from bertfit.artefacts.table_rendering import Grid, Line, Shown, write
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.core.files import read_json
from bertfit.experiments.job_specs import PretrainedEncoder

COLUMNS = ("row", "encoder", "mix", "steps", "before", "after", "change", "status", "reason")
_HEADINGS = ("Steps", "Before", "After", "Change")


@dataclass(frozen=True)
class HeldOutLoss:
    """MLM loss on the held-out text; ``before`` and ``change`` are None if the heads were newly initialised."""

    before: float | None
    after: float
    change: float | None


def build(
    *, artefact: Artefact, key: str, encoders: Sequence[PretrainedEncoder], csv: Path, md: Path, tex: Path, html: Path
) -> None:
    """Write the table of losses, in nats per masked word piece, with a row for each encoder.

    ``before`` is empty if the heads were newly initialised, as the loss of an untrained head does not measure the
    encoder. ``change`` is after - before; above 0 means forgetting. The CSV has `COLUMNS`.

    Raises `UserError` if a record is missing or not of a pre-training.
    """
    titles = {encoder.title for encoder in encoders}
    times = Counter((encoder.title, encoder.mix, encoder.steps) for encoder in encoders)
    rows: list[tuple[str, PretrainedEncoder, HeldOutLoss | None]] = []
    for encoder in encoders:
        same = times[encoder.title, encoder.mix, encoder.steps] > 1
        rows.append((f"{encoder.mix} ({encoder.encoder})" if same else encoder.mix, *_measured(encoder)))
    records = [
        {**encoder.model_dump(), **(asdict(loss) if loss else {}), "row": label} for label, encoder, loss in rows
    ]
    write_csv(records, COLUMNS, csv)
    lines = []
    for label, encoder, loss in rows:
        link = relative(Path(encoder.record), html) if encoder.record else ""
        lines.append(Line(label, _places(encoder, loss), encoder.title if len(titles) > 1 else "", link))
    untrained_heads = any(loss and loss.before is None for _, _, loss in rows)
    notes = [
        "Mean loss of masked language modelling on the held-out text, in nats per masked word piece; change: after - "
        "before; above 0 means forgetting.",
        *(["–: the heads were newly initialised, so there is no loss before."] if untrained_heads else []),
        *dict.fromkeys(f"{label}: {encoder.status}; {encoder.reason}" for label, encoder, _ in rows if encoder.reason),
    ]
    write(
        Grid(key, artefact, dict.fromkeys(_HEADINGS, ""), [""], lines, notes, "pre-trained on"),
        md=md,
        tex=tex,
        html=html,
    )


def _measured(encoder: PretrainedEncoder) -> tuple[PretrainedEncoder, HeldOutLoss | None]:
    """The encoder and the loss in its record; if there is none, the status of the encoder says why."""
    if encoder.status != "ok" or encoder.record is None:
        return encoder, None
    path = Path(encoder.record)
    try:
        measured = read_json(path)["held_out_mlm_loss"]
        if measured is None:
            missing = {"status": "not available", "reason": "the study declares no held-out text"}
            return encoder.model_copy(update=missing), None
        before, after = measured["before"], float(measured["after"])
        return encoder, HeldOutLoss(before, after, None if before is None else after - before)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: no loss on held-out text ({type(error).__name__}: {error}); delete its folder and run again"
        ) from error


def _places(encoder: PretrainedEncoder, loss: HeldOutLoss | None) -> list[Shown]:
    steps = Shown(f"{encoder.steps:,}")
    if loss is None:
        return [steps, Shown("–"), Shown(encoder.status), Shown("–")]
    if loss.before is None:
        return [steps, Shown("–"), Shown(f"{loss.after:.3f}"), Shown("–")]
    change = f"{loss.change:+.3f}".replace("-", "−")
    return [steps, Shown(f"{loss.before:.3f}"), Shown(f"{loss.after:.3f}"), Shown(change)]
