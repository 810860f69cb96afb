"""What the display of a run says of a study: jobs in words, the first screen, the closing lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

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
        screen = own_dataset(registry) if CLASSIFY in targets() else None
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
    counts, recipe = dataset_facts.class_counts(path, local.label), registry.default
    return FirstScreen(
        file=str(path),
        rows=dataset_facts.rows(path, counts.total()),
        classes=counts,
        counted=counts.total(),
        lengths=dataset_facts.lengths(path, text, recipe.max_length),
        max_length=recipe.max_length,
        encoder=registry.settings.study.encoders[registry.settings.study.base].title,
        steps=_steps(registry),
    )


def _steps(registry: Registry) -> list[str]:
    own = registry.settings.study.own
    assert own
    artefact = registry.artefacts[own.row[0]]
    split = "the given file" if registry.settings.switches.own_data.get("test") else "a fifth of the distinct texts"
    return [
        f"Check the texts; test on {split}.",
        f"Train {len(artefact.rows)} classifiers: {', '.join(artefact.rows)}.",
        f"Compare them in a report, and export {own.row[1]} as a model with its predictions and mistakes.",
    ]
