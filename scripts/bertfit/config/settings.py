"""The validated content of ``config.yaml`` and one study file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Artefact, Study
from bertfit.config.switches import Switches
from bertfit.config.validation import Model, problem
from bertfit.core.errors import UserError, nearest
from bertfit.core.yaml_loader import Document


@dataclass(frozen=True)
class Settings:
    """What the files and the switches say; ``data`` is the folder of local corpora."""

    name: str
    study: Study
    artefacts: dict[str, Artefact]
    data: Path | None
    switches: Switches
    config: Document
    document: Document
    merged: Document
    """config.yaml, the study, and the study's artefacts laid over those of config.yaml: for complaints"""

    @property
    def seeds(self) -> list[int]:
        """Seeds that hold for every run, from the study's first on; empty where ``--config seeds`` does not say."""
        first = self.study.seeds[0]
        return list(range(first, first + (self.switches.seeds or 0)))

    def finetune(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Finetune:
        """The paper's hyperparameters <- the study's <- a ``preset`` <- ``differences``.

        ``lr: x2.5`` is relative to the study's rate.
        """
        usual = {**self._section("finetune"), **self.study.finetune}
        given = dict(differences)
        preset = given.pop("preset", None)
        if preset is not None:
            presets = self._section("presets")
            if preset not in presets:
                place = self.merged.where((*keys, "recipe", "preset"))
                raise UserError(f"{place}: no preset {preset!r} in config.yaml{nearest(str(preset), presets)}")
            usual |= presets[preset]
        relative = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(given.get("lr", "")))
        if relative:
            base = float(usual.get("lr", Finetune.model_fields["lr"].default))
            given["lr"] = float(f"{base * float(relative[1]):.12g}")
        return self._model(Finetune, usual | given, keys, given)

    def pretrain(self, differences: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Pretrain:
        """The paper's pre-training <- the study's <- ``differences``."""
        usual = {**self._section("pretrain"), **self.study.pretrain}
        return self._model(Pretrain, usual | dict(differences), keys, differences)

    def steps(self, steps: int | str | None, further: Mapping[str, Any]) -> int:
        """Steps of a further pre-training: as given, a multiple (``x0.5``) of the usual, or the usual.

        Usual are the study's, or those of an encoder whose ``further`` has its own.
        """
        usual = self.pretrain(further).steps
        if steps is None:
            return usual
        multiple = re.fullmatch(r"x(\d+(?:\.\d+)?)", str(steps))
        found = round(usual * float(multiple[1])) if multiple else int(steps)
        if multiple and not found and float(multiple[1]):
            raise UserError(f"steps: {steps} of {usual} steps is less than one; leave this row out of the study")
        return found

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
            elif not key:  # keys that cannot stand together
                place = self.document.where((section,))
            else:
                document = self.document if key in getattr(self.study, section) else self.config
                place = document.where((section, key))
            raise UserError(f"{place}: {problem(first, model)}") from error
