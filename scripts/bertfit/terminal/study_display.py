"""What the display of a run says of a study: jobs in words, the first screen, the closing lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from bertfit.config.study_schema import OwnDataset
from bertfit.core import formatting
from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry
from bertfit.terminal import closing_lines, dataset_facts, first_screen
from bertfit.terminal.first_screen import FirstScreen
from bertfit.terminal.job_words import JobWords
from bertfit.terminal.run_display import Answers

CLASSIFY = "classify"
"""The target that makes everything of your own dataset."""


def answers(registry: Registry, workflow: Any) -> Answers:
    """What a display asks. ``workflow``: Snakemake's, whose settings are complete when a run begins."""

    def targets() -> Collection[str]:
        return workflow.dag_settings.targets or ()

    def first() -> Iterable[str]:
        try:
            screen = own_dataset(registry) if CLASSIFY in targets() else None
        except UserError:  # the job that reads the file says what is wrong
            screen = None
        return [*first_screen.text(screen).splitlines(), ""] if screen else []

    def last() -> Iterable[str]:
        if CLASSIFY in targets():
            return closing_lines.of_results(Path(registry.root))
        report = Path(f"{registry.root}/report{registry.part}.html")
        return [f"Open {report} in a browser"] if not targets() and report.is_file() else []

    return Answers(
        words=JobWords(registry).of,
        local=lambda: workflow.local_exec,
        first=first,
        last=last,
        logs=workflow.logger_manager.get_logfile,
    )


def own_dataset(registry: Registry) -> FirstScreen | None:
    """The first screen of a study of your own dataset; None for other studies.

    Raises `UserError` as `row_readers.read_column`.
    """
    own = registry.settings.study.own
    local = own and registry.corpus(own.corpus).source.local
    if not own or not local:
        return None
    path, text = Path(registry.settings.data or ".") / local.train, local.columns["text"]
    classes, counted = dataset_facts.class_counts(path, local.label, local.multilabel)
    recipe = registry.default
    base = registry.settings.study.encoders[registry.settings.study.base]
    return FirstScreen(
        file=str(path),
        rows=dataset_facts.rows(path, counted),
        classes=classes,
        counted=counted,
        lengths=dataset_facts.lengths(path, text, recipe.max_length),
        max_length=recipe.max_length,
        encoder=base.title,
        steps=_steps(registry, own),
        budget=f"{formatting.duration(own.budget)} for the search (BUDGET=30m gives it more)",
        duration=f"about {formatting.duration(own.expected)} on this machine, at a rough estimate"
        if own.expected
        else "",
        warnings=dataset_facts.warnings(path, text, base.model_dump(), recipe.max_length),
    )


def _steps(registry: Registry, own: OwnDataset) -> list[str]:
    split = "the given file" if registry.settings.switches.own_data.get("test") else "a part that is held out"
    encoders = sum(not candidate.counts for candidate in own.candidates.values())
    first = own.keep[0] if own.keep else encoders
    part = registry.corpus(own.validation).source.part_of
    rounds = f" in {len(own.rounds)} rounds, the best ones longer" if len(own.rounds) > 1 else ""
    return [
        f"Test on {split}; of the other texts, {part.held_out if part else 0:.0%} are validation data.",
        f"Train word counts and up to {first} classifiers with the encoder{rounds}; compare them on validation data.",
        "Train the best one again on all but the test texts, test it once, and export it with a report.",
    ]
