"""The validated content of ``config.yaml`` and one study file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bertfit.config.corpus_schema import SourceKind
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Artefact, Study
from bertfit.config.switches import Switches
from bertfit.contributions.seed_ranges import SeedRanges
from bertfit.core.errors import UserError, nearest
from bertfit.core.pydantic_errors import Model, problem
from bertfit.core.yaml_loader import Document

RETRIES = 2
"""of a download"""


@dataclass(frozen=True)
class Settings:
    """Values of the files and of ``--config``; ``data`` is the folder of local corpora.

    ``sources``: corpus -> its source as an archive has recorded it, whatever ``data`` holds; None outside of archives.
    """

    name: str
    study: Study
    artefacts: dict[str, Artefact]
    data: Path | None
    switches: Switches
    config: Document
    document: Document
    merged: Document
    """config.yaml updated with the study's artefacts and groups; gives the file and line of a key for error messages"""
    sources: Mapping[str, SourceKind | None] | None = None
    own_studies: tuple[Path, ...] = ()
    """files of a study that was given by its path: its own, then those that it extends outside of ``studies/``"""

    def source(self, corpus: str) -> SourceKind | None:
        """Where a declared corpus is read from; None if it is unavailable."""
        if self.sources is not None:
            return self.sources.get(corpus)
        return self._picked[corpus]

    @cached_property
    def _picked(self) -> dict[str, SourceKind | None]:
        """The source of every corpus, looked for once: a dry run asks for each of its jobs."""
        return {name: corpus.source.pick(self.data) for name, corpus in self.study.corpora.items()}

    def retries(self, what: Literal["corpora", "texts", "encoders"]) -> int | None:
        """Further tries of the jobs that read corpora, texts or encoders: `RETRIES` if some are downloaded.

        0 for your own dataset: what is wrong with a file stays wrong, and each try would print the same error. In
        other studies None, the number of the profile.
        """
        if what == "corpora":
            hub = any(self.source(name) == "hub" for name in self.study.corpora)
        else:
            hub = any(source.hub for source in getattr(self.study, what).values())
        return RETRIES if hub else 0 if self.study.own else None

    @property
    def own_file(self) -> Path | None:
        """The file of your own dataset; None in other studies."""
        own = self.study.own
        local = self.study.corpora[own.corpus].source.local if own else None
        return self.data / local.train if self.data and local else None

    @property
    def seeds(self) -> list[int]:
        """Seeds of every run that ``--config seeds`` gives; a number of them is counted from the study's first.

        Empty without it. With ``declared`` a run has others, too: see `seeds_of`.
        """
        given = self.switches.seeds
        if isinstance(given, SeedRanges):
            return list(given.numbers)
        first = self.study.seeds[0]
        return list(range(first, first + (given or 0)))

    def seeds_of(self, declared: Sequence[int]) -> list[int]:
        """Seeds of a run for which the study declares ``declared``: those of ``--config seeds``, else these."""
        given, chosen = self.switches.seeds, self.seeds
        if not chosen:
            return list(declared)
        return sorted({*chosen, *declared}) if isinstance(given, SeedRanges) and given.declared else chosen

    @property
    def seed_switch(self) -> str | None:
        """The value of ``--config seeds``, the same text for the same seeds; None without it."""
        given, chosen = self.switches.seeds, self.seeds
        if not isinstance(given, SeedRanges):
            return str(given) if given else None
        first = self.study.seeds[0]
        counted = bool(chosen) and not given.declared and chosen == list(range(first, first + len(chosen)))
        return str(len(chosen)) if counted else str(given)

    def finetune(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Finetune:
        """A recipe: the paper's values, overridden by the study's, a ``preset`` and ``differences``, in this order.

        ``lr: x2.5`` is relative to the study's rate. ``keys``: place of ``differences``, for error messages. Raises
        `UserError` for an invalid recipe.
        """
        values = {**self._section("finetune"), **self.study.finetune}
        given = dict(differences)
        preset = given.pop("preset", None)
        if preset is not None:
            presets = self._section("presets")
            if preset not in presets:
                place = self.merged.where((*keys, "recipe", "preset"))
                raise UserError(f"{place}: no preset {preset!r} in config.yaml{nearest(str(preset), presets)}")
            values |= presets[preset]
        relative = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(given.get("lr", "")))
        if relative:
            base = float(values.get("lr", Finetune.model_fields["lr"].default))
            given["lr"] = float(f"{base * float(relative[1]):.12g}")
        return self._model(Finetune, values | given, keys, given)

    def pretrain(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Pretrain:
        """Pre-training: the paper's values, overridden by the study's and by ``differences``. Raises as `finetune`."""
        values = {**self._section("pretrain"), **self.study.pretrain}
        return self._model(Pretrain, values | dict(differences), keys, differences)

    def steps(self, steps: int | str | None, further: Mapping[str, Any]) -> int:
        """Steps of a further pre-training: ``steps`` as a number or as a multiple (``x0.5``) of the default.

        The default, also for None, is the study's, or that of an encoder's ``further``. Raises `UserError` for a
        multiple that is less than one step.
        """
        default = self.pretrain(further).steps
        if steps is None:
            return default
        factor = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(steps))
        number = round(default * float(factor[1])) if factor else int(steps)
        if factor and not number and float(factor[1]):
            raise UserError(f"steps: {steps} of {default} steps is less than one; leave this row out of the study")
        return number

    def _section(self, name: str) -> dict[str, Any]:
        return dict(self.config.value.get(name) or {})

    def _model(
        self, model: type[Model], values: dict[str, Any], keys: tuple[str, ...], own: Mapping[str, Any]
    ) -> Model:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            section = model.__name__.lower()
            if keys and (key in own or not key):
                place = self.merged.where((*keys, "recipe", key))
            elif not key:  # a combination of keys
                place = self.document.where((section,))
            else:
                document = self.document if key in getattr(self.study, section) else self.config
                place = document.where((section, key))
            raise UserError(f"{place}: {problem(first, model)}") from error
