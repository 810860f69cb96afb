"""The jobs of a merged archive: those of its study for all seeds, corpora and artefacts that the archives select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertfit.archiving.unpacked_archive import Unpacked
from bertfit.config.load import load_settings
from bertfit.config.settings import Settings
from bertfit.contributions import seed_ranges
from bertfit.contributions.seed_ranges import SeedRanges
from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry
from bertfit.workflow.training_jobs import TrainingJobs


def merged_jobs(folder: Path, archives: Sequence[Unpacked]) -> TrainingJobs:
    """The trainings of all that the archives select, of the study in ``folder``. Raises `UserError` as `_registry`."""
    first = archives[0]
    selected = {name: value for name, value in first.manifest.switches.items() if name in ("study", "sample")}
    registry = _registry(folder, first, selected)
    selected |= _union("corpora", archives, list(registry.settings.study.corpora))
    selected |= _union("artefacts", archives, list(registry.artefacts))
    selected |= _seeds(registry.settings, [archive.manifest.switches.get("seeds") for archive in archives])
    return TrainingJobs(_registry(folder, first, selected))


def _union(name: str, archives: Sequence[Unpacked], every: Sequence[str]) -> dict[str, str]:
    """The switch that selects what any archive does, in the order declared; none if that is everything."""
    values = [archive.manifest.switches.get(name) for archive in archives]
    chosen = {part for value in values for part in (value.split("+") if value else every)}
    unknown = sorted(chosen - set(every))  # the study refuses them
    return {} if chosen == set(every) else {name: "+".join([part for part in every if part in chosen] + unknown)}


def _seeds(settings: Settings, values: Sequence[str | None]) -> dict[str, str]:
    """The switch that selects the seeds of all archives; none if all have those that the study declares."""
    numbers: set[int] = set()
    declared = False
    for value in values:
        given = seed_ranges.parse(value) if value else None
        numbers |= set(replace(settings, switches=replace(settings.switches, seeds=given)).seeds)
        declared |= given is None or (isinstance(given, SeedRanges) and given.declared)
    if not numbers:
        return {}
    union = SeedRanges(tuple(sorted(numbers)), declared)
    switch = replace(settings, switches=replace(settings.switches, seeds=union)).seed_switch
    assert switch
    return {"seeds": switch}


def _registry(folder: Path, first: Unpacked, selected: Mapping[str, str]) -> Registry:
    """The study in ``folder`` whose corpora have the recorded sources.

    Raises `UserError` unless the sources are those of exactly its corpora, each one that the corpus has.
    """
    # A study may name a folder of local corpora that is not on this machine: any folder takes its place.
    settings = load_settings({**selected, "data": str(folder)}, folder, {})
    corpora, sources = settings.study.corpora, first.manifest.sources
    for corpus in sorted(corpora.keys() | sources.keys()):
        if corpus not in corpora or corpus not in sources:
            where = "its manifest.json" if corpus in corpora else "its study"
            raise UserError(f"{first.path}: corpus {corpus} is missing in {where}; make the archive again")
        if (kind := sources[corpus]) and getattr(corpora[corpus].source, kind) is None:
            raise UserError(
                f"{first.path}: its manifest.json says that corpus {corpus} was read from {kind}, and its study has no "
                "such source of it; make the archive again"
            )
    return Registry(replace(settings, sources=sources), Path(first.manifest.root).parent)
