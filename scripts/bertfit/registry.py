"""From config and study to runs, encoders and their jobs: artefacts declare runs, runs induce the DAG.

Imports neither torch nor pandas: Snakemake reads this at every start.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from . import ids
from .errors import UserError, nearest
from .settings import Settings
from .spec import Artefact, Corpus, Encoder, Finetune, Pretrain, Row


@dataclass(frozen=True)
class Trainee:
    """What one fine-tuning is about, seeds aside: (corpus, encoder id, recipe id)."""

    corpus: str
    encoder: str
    recipe: str


@dataclass(frozen=True)
class Cell:
    """One cell of an artefact: a trainee and its seeds, or the reason why there is none."""

    row: str
    column: str
    corpus: str
    trainee: Trainee | None
    seeds: tuple[int, ...] = ()
    status: str = "ok"  # or "not available", "not applicable"
    reason: str = ""


@dataclass(frozen=True)
class Job:
    """One training job: a trainee and a block of seeds."""

    trainee: Trainee
    block: str

    @property
    def path(self) -> str:
        """The folder of its results below the study's."""
        return f"runs/{self.trainee.corpus}/{self.trainee.encoder}/{self.trainee.recipe}/{self.block}"


@dataclass(frozen=True)
class Registry:
    """All that a study asks for. ``settings`` are the validated files, ``folder`` where its results go."""

    settings: Settings
    folder: Path = field(default=Path("results"))

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return f"{self.folder.as_posix()}/{self.settings.name}"

    # ------------------------------------------------------------------------------------------ recipes, encoders

    @cached_property
    def default(self) -> Finetune:
        """The study's default recipe: the paper's hyperparameters with the study's sizes."""
        return self.settings.finetune({})

    def recipe(self, recipe_id: str) -> Finetune:
        """The whole recipe behind an id."""
        return ids.parse_recipe(recipe_id, self.default)

    def base(self, encoder_id: str) -> Encoder:
        """The declared base encoder of a lineage."""
        base = ids.parse_encoder(encoder_id).base
        if base not in self.settings.study.encoders:
            raise UserError(f"encoder {base!r} is not declared{nearest(base, self.settings.study.encoders)}")
        return self.settings.study.encoders[base]

    def vocabulary(self, encoder_id: str) -> str:
        """Key of the vocabulary an encoder reads."""
        return self.base(encoder_id).vocabulary

    def pretraining(self, encoder_id: str) -> tuple[Pretrain, str, int]:
        """(hyperparameters, mix, pre-training seed) of the last stage of an encoder, or of a base from scratch."""
        lineage = ids.parse_encoder(encoder_id)
        if not lineage.stages:
            base = self.base(encoder_id)
            if base.mix is None:
                raise UserError(f"encoder {encoder_id!r} is not trained by the workflow")
            return self.settings.pretrain(base.pretrain), base.mix, base.seed
        stage = lineage.stages[-1]
        return self.settings.pretrain({"steps": stage.steps}), stage.mix, stage.seed

    # ------------------------------------------------------------------------------------------ corpora

    def missing(self, corpus: str) -> str | None:
        """Why a corpus cannot be had in this study, or None."""
        study = self.settings.study
        if corpus not in study.corpora:
            return "not part of this study"
        source = study.corpora[corpus].source
        if source.pick(self.settings.data):
            return None
        return source.unavailable or "its files are not in the data folder (--config data=FOLDER or BERTFIT_DATA)"

    def unavailable(self, corpus: str) -> str | None:
        """Why cells of a corpus are empty: it is missing, or --config left it out. Mixes and vocabularies keep it."""
        if self.settings.only and corpus not in self.settings.only:
            return "left out by --config corpora"
        return self.missing(corpus)

    def corpus(self, name: str) -> Corpus:
        """The corpus as it is read here: of several sources, the one in use, with the layout of that copy."""
        corpus = self.settings.study.corpora[name]
        kind = corpus.source.pick(self.settings.data)
        if kind is None:
            raise UserError(f"corpus {name!r} cannot be had: {self.missing(name)}")
        return corpus.of(kind)

    # ------------------------------------------------------------------------------------------ artefacts, runs

    @cached_property
    def artefacts(self) -> dict[str, Artefact]:
        """The artefacts of this study, in the order of the paper."""
        return self.settings.artefacts

    @cached_property
    def cells(self) -> dict[str, list[Cell]]:
        """Cells of every artefact that arranges runs."""
        return {
            key: [self._cell(key, row, corpus) for row in artefact.rows for corpus in artefact.columns]
            for key, artefact in self.artefacts.items()
        }

    def _cell(self, key: str, label: str, corpus: str) -> Cell:
        artefact = self.artefacts[key]
        row, column = artefact.rows[label], artefact.columns[corpus]
        reason = self.unavailable(corpus)
        if reason:
            return Cell(label, column, corpus, None, status="not available", reason=reason)
        recipe = self.settings.finetune({**artefact.recipe, **row.recipe}, keys=("artefacts", key, "rows", label))
        lineage = self._lineage(row, corpus)
        if lineage.stages and not self.texts_in_hand(lineage.stages[-1].mix):
            reason = f"no corpus of the mix {lineage.stages[-1].mix} can be had"
            return Cell(label, column, corpus, None, status="not available", reason=reason)
        trainee = Trainee(corpus, ids.format_encoder(lineage), ids.format_recipe(recipe, self.default))
        return Cell(label, column, corpus, trainee, tuple(artefact.seeds or self.settings.study.seeds))

    def base_of(self, corpus: str) -> str:
        """The base encoder a corpus is read with."""
        study = self.settings.study
        return study.corpora[corpus].encoder or study.base

    def _lineage(self, row: Row, corpus: str) -> ids.Lineage:
        base = row.encoder or self.base_of(corpus)
        steps = self.further_steps(row)
        if row.mix is None or steps == 0:
            return ids.Lineage(base)
        mix = corpus if row.mix == "own" else row.mix
        return ids.Lineage(base, (ids.Stage(mix, steps),))

    def further_steps(self, row: Row) -> int:
        """Steps of a row's further pre-training; 0 where it has none."""
        return self.settings.steps(row.steps) if row.mix else 0

    @cached_property
    def seeds(self) -> dict[Trainee, list[int]]:
        """Every distinct trainee with the union of the seeds that artefacts ask of it."""
        union: dict[Trainee, set[int]] = {}
        for cell in (cell for cells in self.cells.values() for cell in cells):
            if cell.trainee:
                union.setdefault(cell.trainee, set()).update(cell.seeds)
        return {trainee: sorted(seeds) for trainee, seeds in union.items()}

    def jobs(self, artefact: str | None = None) -> list[Job]:
        """The training jobs behind one artefact, or behind all of the study."""
        wanted: dict[Trainee, set[int]] = {}
        for key, cells in self.cells.items():
            if artefact in (None, key):
                for cell in cells:
                    if cell.trainee:
                        wanted.setdefault(cell.trainee, set()).update(cell.seeds)
        return [
            Job(trainee, ids.format_block(block))
            for trainee, seeds in wanted.items()
            for block in ids.blocks(self.seeds[trainee], self.settings.study.block)
            if seeds & set(block)
        ]

    @cached_property
    def encoders(self) -> list[str]:
        """Ids of all encoders that runs need, their ancestors included."""
        found: dict[str, None] = {}
        for trainee in self.seeds:
            lineage = ids.parse_encoder(trainee.encoder)
            for count in range(len(lineage.stages) + 1):
                found[ids.format_encoder(ids.Lineage(lineage.base, lineage.stages[:count]))] = None
        return list(found)

    def mix(self, name: str) -> list[str]:
        """The corpora and unlabelled texts of a mix; every corpus and text is a mix of itself."""
        mixes = self.settings.study.mixes
        return list(mixes[name].corpora) if name in mixes else [name]

    def texts_in_hand(self, mix: str) -> list[str]:
        """The parts of a mix that can be had, in the order declared."""
        texts = self.settings.study.texts
        return [name for name in self.mix(mix) if name in texts or self.missing(name) is None]

    def summary(self) -> str:
        """``N cells, M distinct runs, J jobs, K encoders``."""
        cells = sum(cell.trainee is not None for cells in self.cells.values() for cell in cells)
        runs = sum(map(len, self.seeds.values()))
        return f"{cells} cells, {runs} distinct runs, {len(self.jobs())} jobs, {len(self.encoders)} encoders"


def open_registry(overrides: Mapping[str, Any], folder: Path, results: Path = Path("results")) -> Registry:
    """Read ``config.yaml`` and the study below ``folder``; ``overrides`` are Snakemake's ``--config`` values."""
    return Registry(Settings.read(overrides, folder, os.environ), results)


def wildcard(values: Iterable[str]) -> str:
    """A closed wildcard constraint: exactly these values (a never-matching one if there are none)."""
    import re

    return "|".join(sorted(map(re.escape, values), key=len, reverse=True)) or r"(?!)"
