"""Published numbers that one more run of ours would not give, each with what could be the cause.

A cause is a change of the run. If the study has the run with that change, for example as a control, its error says
whether the change would explain the published number. Errors are in percent.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from bertfit.artefacts.paper_comparison import HALF_DIGIT
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.core.formatting import spreadsheet_safe, spreadsheet_safe_frame
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.summary_specs import ReportedArtefact, ReportedCell, ReportSpec
from bertfit.report.run_explorer import RunGroupDetails

COMPARED = ("table", "steps", "sizes")
"""kinds of artefacts whose CSV has the columns `paper_comparison.DIFFERENCE`"""
EXPLAINS, DOES_NOT, UNJUDGED, NOT_RUN = "would explain it", "does not", "not judged", "not run"


@dataclass(frozen=True)
class Cause:
    """A change of a run: of keys of its ``recipe``, or of the stages before its fine-tuning (`STAGES`)."""

    name: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""


CAUSES = (
    Cause("test texts in further pre-training, which the released generator writes", stage="leak"),
    Cause("another seed of further pre-training", stage="seed"),
    Cause("the pooler's output, the default of the released scripts", {"pooler": True}),
    Cause("head-only texts", {"truncation": "head"}),
    Cause("one learning rate for all layers", {"layer_decay": 1.0}),
    Cause("head-only texts and one rate", {"truncation": "head", "layer_decay": 1.0}),
    Cause(
        "head-only texts, one rate and the pooler, as in a released script",
        {"truncation": "head", "layer_decay": 1.0, "pooler": True},
    ),
    Cause("layer-wise decreasing rates (xi 0.95)", {"layer_decay": 0.95}),
    Cause(
        "layer-wise decreasing rates (xi 0.95), also of the embeddings", {"layer_decay": 0.95, "embeddings": "decayed"}
    ),
)


@dataclass(frozen=True)
class CheckedCause:
    """A cause and what is known of it: ``error`` of the best epoch with it, and the address of its ``run``."""

    cause: str
    verdict: str
    error: float | None = None
    run: str = ""


@dataclass(frozen=True)
class Differing:
    """A published number out of the interval, and the places that show it beside the same runs."""

    places: list[tuple[str, str]]
    """key of the artefact, and the cell in words"""
    corpus: str
    run: str
    """address"""
    last: float
    best: float
    published: float
    delta: float
    low: float
    high: float
    seeds: int
    lowest: float
    highest: float
    """best epochs of single seeds"""
    findings: list[CheckedCause]
    notes: list[str]
    """what the runs lack, and whose texts they read"""

    def found(self, verdict: str) -> list[CheckedCause]:
        """The findings of a verdict."""
        return [finding for finding in self.findings if finding.verdict == verdict]


@dataclass(frozen=True)
class PublishedNumbers:
    """All published numbers beside runs; one that several artefacts show beside the same runs counts once."""

    agree: int
    differing: list[Differing]
    unjudged: int
    """without an interval: of one seed, or with failed runs"""

    @property
    def judged(self) -> int:
        """How many have an interval."""
        return self.agree + len(self.differing)

    @property
    def csv(self) -> str:
        """A data address of the list: a row for each cause of each number."""
        rows = [
            {"row": "; ".join(place for _, place in cell.places), "corpus": cell.corpus, "run": cell.run,
             "last": cell.last, "best": cell.best, "published": cell.published, "delta_best": cell.delta,
             "delta_low": cell.low, "delta_high": cell.high, "seeds": cell.seeds, "lowest": cell.lowest,
             "highest": cell.highest, "note": "; ".join(cell.notes), "cause": finding.cause,
             "verdict": finding.verdict, "error": finding.error}
            for cell in self.differing
            for finding in cell.findings
        ]  # fmt: skip
        text = spreadsheet_safe_frame(pd.DataFrame(rows)).to_csv(index=False, float_format="%.4f", lineterminator="\n")
        return f"data:text/csv;base64,{base64.b64encode(text.encode()).decode()}"


def published_numbers(
    spec: ReportSpec, root: Path, runs: Mapping[str, RunGroupDetails], cards: Mapping[str, CorpusCard | None]
) -> PublishedNumbers | None:
    """The published numbers of all artefacts of a comparable study; None for other studies.

    ``runs``: those of `run_explorer.runs`; ``cards``: of the corpora. Raises `UserError` for a file that is missing or
    not an artefact's.
    """
    if not spec.study.comparable:
        return None
    agree: set[tuple[str, float]] = set()
    unjudged: set[tuple[str, float]] = set()
    differing: dict[tuple[str, float], Differing] = {}
    for artefact in spec.artefacts:
        for record, cell in _cells(artefact, root) if artefact.kind in COMPARED else ():
            if not cell.run or not record["delta_best"]:
                continue
            number = (cell.run, float(record["published"]))
            if record["agrees"] == "":
                unjudged.add(number)
            elif record["agrees"] == "yes":
                agree.add(number)
            elif number in differing:
                differing[number].places.append(_place(artefact, cell))
            else:
                differing[number] = _differing(artefact, cell, record, runs, spec.default, cards)
    return PublishedNumbers(len(agree), list(differing.values()), len(unjudged))


def _cells(artefact: ReportedArtefact, root: Path) -> Iterator[tuple[dict[str, str], ReportedCell]]:
    """The rows of an artefact's CSV, as texts, each with the cell that was declared."""
    path = root / ("figures" if artefact.figure else "tables") / f"{artefact.key}.csv"
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        frame[["delta_best", "agrees", "published"]]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not the numbers of {artefact.number} ({error}); delete it and run again") from error
    names = [name for name in ("row", "column", "size") if name in frame]
    declared = {tuple(spreadsheet_safe(getattr(cell, name) or "") for name in names): cell for cell in artefact.cells}
    for record in frame.to_dict("records"):
        if cell := declared.get(tuple(str(record[name]) for name in names)):
            yield {str(name): str(value) for name, value in record.items()}, cell


def _place(artefact: ReportedArtefact, cell: ReportedCell) -> tuple[str, str]:
    return artefact.key, f"{artefact.number}: {cell.row}, {f'{cell.size} % of ' if cell.size else ''}{cell.column}"


def _differing(
    artefact: ReportedArtefact,
    cell: ReportedCell,
    record: Mapping[str, str],
    runs: Mapping[str, RunGroupDetails],
    default: Finetune,
    cards: Mapping[str, CorpusCard | None],
) -> Differing:
    assert cell.run
    run, published = runs[cell.run], float(record["published"])
    errors = [float(row[-1]) for row in run.seeds if row[-1] is not None]
    card = cards.get(run.corpus)
    copy = _copy(card) if card else ""
    return Differing(
        places=[_place(artefact, cell)],
        corpus=run.corpus,
        run=cell.run,
        last=run.mean,
        best=run.best,
        published=published,
        delta=float(record["delta_best"]),
        low=float(record["delta_low"]),
        high=float(record["delta_high"]),
        seeds=len(run.seeds),
        lowest=min(errors),
        highest=max(errors),
        findings=list(_findings(cell.run, published, runs, default)),
        notes=[note for note in (cell.note, copy) if note],
    )


def _copy(card: CorpusCard) -> str:
    """Whose copy of a corpus was read; empty for files of this machine."""
    if card.source.kind == "hub":
        return f"texts from the hub, {card.source.dataset}"
    return f"texts from the package {card.source.package}" if card.source.kind == "package" else ""


# ---------------------------------------------------------------------------------------------- causes


def _findings(
    address: str, published: float, runs: Mapping[str, RunGroupDetails], default: Finetune
) -> Iterator[CheckedCause]:
    """What is known of each cause that applies to a run."""
    run = runs[address]
    verdict = _verdict(run.mean, run.further_last, published)
    yield CheckedCause("the last epoch instead of the best", verdict, run.mean, address)
    seen = {address}
    for cause in CAUSES:
        changed = changed_run(address, cause, default)
        if changed is None or changed in seen:
            continue
        seen.add(changed)
        if other := runs.get(changed):
            yield CheckedCause(cause.name, _verdict(other.best, other.further_best, published), other.best, changed)
        else:
            yield CheckedCause(cause.name, NOT_RUN)


def _verdict(error: float, further: Sequence[float] | None, published: float) -> str:
    """Whether one more run would give the published error; ``further``: its interval about our ``error``."""
    if further is None:
        return UNJUDGED
    low, high = min(further[0], error - HALF_DIGIT), max(further[1], error + HALF_DIGIT)
    return EXPLAINS if low <= published <= high else DOES_NOT


def changed_run(address: str, cause: Cause, default: Finetune) -> str | None:
    """The address of a run with the change of a cause, itself if it has it; None if it cannot have it.

    ``default``: the study's recipe.
    """
    corpus, encoder, recipe = address.split("/")
    if encoder == BASELINE:
        return None
    try:
        if cause.stage:
            lineage = ids.parse_encoder(encoder)
            stages = tuple(STAGES[cause.stage](stage) for stage in lineage.stages)
            changed = ids.format_encoder(replace(lineage, stages=stages))
            return None if stages == lineage.stages else f"{corpus}/{changed}/{recipe}"
        values = ids.parse_recipe(recipe, default).model_dump() | dict(cause.recipe)
        return f"{corpus}/{encoder}/{ids.format_recipe(Finetune.model_validate(values), default)}"
    except (UserError, ValidationError):
        return None


def _leaking(stage: ids.Stage) -> ids.Stage:
    """Further pre-training that also reads the test texts (`study_schema.derived_mixes`)."""
    if isinstance(stage, ids.PretrainingStage) and not stage.mix.endswith("_leak"):
        return replace(stage, mix=f"{stage.mix}_leak")
    return stage


def _of_another_seed(stage: ids.Stage) -> ids.Stage:
    """Further pre-training with the next seed (`study_schema.Row.pretraining_seed`), where it has one."""
    if isinstance(stage, ids.PretrainingStage) and stage.seed is not None:
        return replace(stage, seed=stage.seed + 1)
    return stage


STAGES: dict[str, Callable[[ids.Stage], ids.Stage]] = {"leak": _leaking, "seed": _of_another_seed}
"""changes of a stage, for a `Cause`"""
