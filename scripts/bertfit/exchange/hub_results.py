"""Evaluation results of the Hugging Face hub: ``.eval_results/<corpus>.yaml`` in the folder of each model.

The format is that of https://huggingface.co/docs/hub/eval-results, written by huggingface_hub. An entry belongs to the
leaderboard of a data set on the hub, so only runs that are tested on all test rows of one have an entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.utils import yaml_dump

from bertfit.core.errors import UserError, listed, nearest
from bertfit.data.corpus_card import CorpusCard
from bertfit.exchange.kept_files import write_new
from bertfit.exchange.study_records import SeedRun, Selection

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
BENCHMARK = re.compile(
    rf"(?P<corpus>[^=]+)=(?P<id>{NAME}(?:/{NAME})?)(?::(?P<task>{NAME}))?(?:@(?P<commit>[0-9a-f]{{40}}))?"
)


@dataclass(frozen=True)
class Benchmark:
    """A data set on the hub, the task as its ``eval.yaml`` names it, and the commit of the rows."""

    id: str
    task: str
    revision: str | None


def parse_benchmark(text: str) -> tuple[str, Benchmark]:
    """Corpus and data set of ``CORPUS=OWNER/NAME[:TASK][@COMMIT]``. Raises `UserError` for any other text."""
    match = BENCHMARK.fullmatch(text)
    if not match:
        raise UserError(f"--benchmark {text!r}: give CORPUS=OWNER/NAME, CORPUS=OWNER/NAME:TASK or either with @COMMIT")
    return match["corpus"], Benchmark(match["id"], match["task"] or "default", match["commit"])


def export(
    runs: Sequence[SeedRun],
    folder: Path,
    *,
    selection: Selection = "last",
    date: datetime | None = None,
    source: str | None = None,
    benchmarks: Mapping[str, Benchmark] | None = None,
) -> tuple[int, dict[str, str]]:
    """Write ``folder/<run>/.eval_results/<corpus>.yaml`` for each of ``runs`` that has an entry (`SeedRun.name`).

    Returns their number, and corpus -> why its runs have none. ``benchmarks``: corpus -> the data set on the hub whose
    test rows it has, where its card does not say so; ``source``: a URL of the records.

    Raises `UserError` where no run has an entry, for a benchmark of a corpus that no run is of, and where a file is
    there with other content.
    """
    cards = {run.run_group.corpus: run.card for run in runs}
    given = dict(benchmarks or {})
    for corpus in given:
        if corpus not in cards:
            raise UserError(f"--benchmark {corpus}=...: no run of this corpus{nearest(corpus, cards)}")
    found = {corpus: benchmark(card, given.get(corpus)) for corpus, card in cards.items()}
    reasons = {corpus: one for corpus, one in found.items() if isinstance(one, str)}
    if len(reasons) == len(found):
        # Whether a data set could be named for one of them; for the others nothing helps.
        helps = any(
            isinstance(benchmark(card, Benchmark("any", "default", None)), Benchmark) for card in cards.values()
        )
        raise UserError(
            f"no run has an entry for the hub: {listed(f'{corpus} ({why})' for corpus, why in reasons.items())}; "
            + (
                "--benchmark CORPUS=OWNER/NAME says which data set has the same test rows"
                if helps
                else "use another --to"
            )
        )
    contents: dict[Path, str] = {}
    for run in runs:
        one = found[run.run_group.corpus]
        if isinstance(one, Benchmark):
            path = folder / run.name / ".eval_results" / f"{run.run_group.corpus}.yaml"
            contents[path] = text([entry(run, one, selection, date, source)])
    write_new(contents)
    return len(contents), reasons


def benchmark(card: CorpusCard, given: Benchmark | None = None) -> Benchmark | str:
    """The data set whose leaderboard takes results on the test rows of a corpus, or why there is none."""
    sampled = (card.sampled or {}).get("test")
    if sampled and sampled.kept < sampled.of:
        return f"{sampled.kept:,} of {sampled.of:,} test rows"
    if card.held_out is not None or card.by_time or card.source.kind == "part_of":
        return "its test rows were held out of training rows, and are no published test split"
    if card.source.kind == "synthetic":
        return "its rows are generated"
    if given:
        return given
    if card.source.kind != "hub":
        return f"its rows are not from the hub: {card.source.kind}"
    return Benchmark(card.source.dataset, card.source.config or "default", card.source.revision)


def entry(
    run: SeedRun, one: Benchmark, selection: Selection, date: datetime | None = None, source: str | None = None
) -> EvalResultEntry:
    """The entry of a run: its accuracy in percent of the test rows, and in the notes how it came about."""
    row, names = run.scores[selection], run.run_group
    chosen = "last evaluation" if selection == "last" else "best evaluation" + _chosen_on(run)
    diverged = "; training diverged" if run.record.diverged_at.get(str(run.seed)) is not None else ""
    return EvalResultEntry(
        dataset_id=one.id,
        task_id=one.task,
        dataset_revision=one.revision,
        value=round(100 - float(row["error"]), 4),
        date=date.isoformat() if date else None,
        source_url=source,
        source_name="Records of the study" if source else None,
        notes=f"fine-tuned; accuracy in percent of {int(row['n'])} test rows; encoder {names.encoder}; recipe "
        f"{names.recipe}; seed {run.seed}; {chosen}, step {int(row['step'])}; bertfit code {run.record.code}{diverged}",
    )


def _chosen_on(run: SeedRun) -> str:
    """What the best evaluation was chosen by: an error on the test split is optimistic."""
    validated = any(row.get("validation_error") for row in run.history)
    return " by validation error" if validated else ", chosen by the test error itself"


def text(entries: Sequence[EvalResultEntry]) -> str:
    """The YAML of entries, each text on one line."""
    return str(yaml_dump(eval_result_entries_to_yaml(list(entries)), sort_keys=False, width=10_000))
