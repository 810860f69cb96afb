"""The encoders of a study by how they are made. Imports neither torch nor pandas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE
from bertfit.experiments.registry import Registry


@dataclass(frozen=True)
class EncodersInUse:
    """The encoders that the runs of a study start from, and those that these are trained from."""

    registry: Registry

    @cached_property
    def fetched(self) -> list[str]:
        """Base encoders that are fetched, not trained, and that runs or vocabularies need."""
        study = self.registry.settings.study
        from_vocabularies = [vocabulary.encoder for vocabulary in study.vocabularies.values() if vocabulary.encoder]
        names = {*self.registry.encoders, *from_vocabularies}
        names |= set(filter(None, map(self.registry.generator, self.registry.encoders)))
        return [name for name in study.encoders if name in names and not study.encoders[name].scratch]

    @cached_property
    def multitasked(self) -> list[str]:
        """Encoders whose last stage is multi-task fine-tuning."""
        return [name for name in self.registry.encoders if isinstance(ids.parse_encoder(name).last, ids.MultitaskStage)]

    @cached_property
    def pretrained(self) -> list[str]:
        """Encoders that are pre-trained, from random weights or further."""
        return [name for name in self.registry.encoders if name not in {*self.fetched, *self.multitasked}]

    @cached_property
    def further_pretrained(self) -> dict[str, list[str]]:
        """Encoders whose last stage is further pre-training: the id, and those of its seeds, or itself alone."""
        varying = {
            of_seed: ids.format_encoder(ids.Lineage(lineage.base, lineage.stages[:count]))
            for run_group, seeds in self.registry.seeds.items()
            if run_group.encoder != BASELINE and (lineage := ids.parse_encoder(run_group.encoder)).varies
            for count in range(1, len(lineage.stages) + 1)
            for seed in seeds
            for of_seed in [ids.format_encoder(ids.Lineage(lineage.base, lineage.of_seed(seed).stages[:count]))]
        }
        encoders: dict[str, list[str]] = {}
        for encoder in self.pretrained:
            if ids.parse_encoder(encoder).stages:
                encoders.setdefault(varying.get(encoder, encoder), []).append(encoder)
        return encoders

    @cached_property
    def saves(self) -> dict[str, dict[int, str]]:
        """Pre-training runs with intermediate checkpoints: final encoder -> steps -> encoder of the checkpoint."""
        checkpoints: dict[str, dict[int, str]] = {}
        for name in self.pretrained:
            end, stage = ids.saved_from(name), ids.parse_encoder(name).last
            if end and isinstance(stage, ids.PretrainingStage):
                checkpoints.setdefault(end, {})[stage.steps] = name
        return {end: dict(sorted(saved.items())) for end, saved in checkpoints.items()}

    @cached_property
    def alone(self) -> list[str]:
        """Encoders whose pre-training has no intermediate checkpoints."""
        return [name for name in self.pretrained if not ids.saved_from(name) and name not in self.saves]

    @cached_property
    def starts(self) -> list[str]:
        """Ids of the encoders of runs, as their paths have them: one that varies with the seed counts once."""
        return sorted({run_group.encoder for run_group in self.registry.seeds} - {BASELINE})
