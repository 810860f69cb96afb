"""Derives runs, encoders and training jobs from config.yaml and study: artefacts declare runs, runs induce the DAG.

Imports neither torch nor pandas, so that Snakemake starts fast.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bertfit.config import encoder_schema
from bertfit.config.encoder_schema import Encoder
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain, fitted, share, too_small
from bertfit.config.load import load_settings
from bertfit.config.reasons import NotApplicable, Unavailable
from bertfit.config.study_schema import KINDS_WITH_RUNS, Artefact, Row, named_mix
from bertfit.core.errors import UserError, nearest
from bertfit.experiments import ids, results_owner
from bertfit.experiments.available_corpora import AvailableCorpora
from bertfit.experiments.candidates import Candidates
from bertfit.experiments.cells import BASELINE, Cell, Content, Job, Quoted, RunGroup


@dataclass(frozen=True)
class Registry(AvailableCorpora):
    """The experiments of a study. ``settings``: its validated files; ``folder``: that of the results of all studies."""

    folder: Path = field(default=Path("results"))

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return f"{self.folder.as_posix()}/{self.settings.name}"

    @cached_property
    def default(self) -> Finetune:
        """The study's default recipe: the paper's hyperparameters with the study's sizes."""
        return self.settings.finetune({})

    def recipe(self, recipe_id: str) -> Finetune:
        """The complete recipe of an id."""
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
            return self.with_objective(self.settings.pretrain(base.pretrain), base), base.mix, base.seed
        stage = lineage.stages[-1]
        if not isinstance(stage, ids.PretrainingStage):
            raise UserError(f"encoder {encoder_id!r} ends with multi-task fine-tuning, not with pre-training")
        if stage.seed is None:
            raise UserError(
                f"encoder {encoder_id!r} is one for each seed, such as {ids.encoders_of(encoder_id, [1])[0]!r}"
            )
        base = self.base(encoder_id)
        pretrain = self.settings.pretrain({**base.further, "steps": stage.total})
        return self.with_objective(pretrain, base), stage.mix, stage.seed

    def objective(self, encoder_id: str) -> str | None:
        """The objective of the last stage of an encoder, or of a base from scratch; of all seeds, where it has many."""
        base = self.base(encoder_id)
        keys = base.further if ids.parse_encoder(encoder_id).stages else base.pretrain
        return self.with_objective(self.settings.pretrain(keys), base).objective

    def generator(self, encoder_id: str) -> str | None:
        """The encoder that replaces words where the last stage is a detection of replaced tokens; else None."""
        if not isinstance(ids.parse_encoder(encoder_id).last, ids.PretrainingStage):
            return None
        return self.base(encoder_id).generator if self.objective(encoder_id) == "rtd" else None

    def with_objective(self, pretrain: Pretrain, base: Encoder) -> Pretrain:
        """The hyperparameters with the objective that ``base`` is trained for. Raises as `encoder_schema` does."""
        return encoder_schema.with_objective(pretrain, base, self.settings.study.encoders)

    def multitask(self, group: str) -> tuple[Multitask, Finetune]:
        """A group of multi-task fine-tuning without its unavailable corpora, and its complete recipe."""
        declared = self.settings.study.multitask[group]
        recipe = self.settings.finetune(declared.recipe, keys=("multitask", group))
        available = [name for name in declared.corpora if not self.missing(name)]
        return declared.model_copy(update={"corpora": available}), recipe

    # ------------------------------------------------------------------------------------------ artefacts, runs

    @cached_property
    def artefacts(self) -> dict[str, Artefact]:
        """The artefacts of this study, in the order of the paper."""
        return self.settings.artefacts

    @property
    def chosen(self) -> list[str]:
        """The artefacts that are made: all, or those of --config artefacts, which changes no runs and seeds."""
        return [key for key in self.artefacts if key in (self.settings.switches.artefacts or self.artefacts)]

    @property
    def part(self) -> str:
        """Infix of the file names of verdicts and report: ``.choice`` with --config artefacts, else empty."""
        return ".choice" if self.settings.switches.artefacts else ""

    @cached_property
    def cells(self) -> dict[str, list[Cell]]:
        """Cells of every artefact whose cells are runs, with the seeds of `Registry.seeds`."""
        seeds = self.seeds
        return {
            key: [replace(cell, seeds=tuple(seeds[cell.run_group])) if cell.run_group else cell for cell in cells]
            for key, cells in self._declared_cells.items()
        }

    @cached_property
    def seeds(self) -> dict[RunGroup, list[int]]:
        """Every distinct run group, with the union of its seeds over all artefacts and candidates."""
        cells = (cell for cells in self._declared_cells.values() for cell in cells)
        pairs = [(cell.run_group, cell.seeds) for cell in cells if cell.run_group]
        union: dict[RunGroup, set[int]] = {}
        for run_group, seeds in [*pairs, *(self.candidates.declared() if self.candidates else [])]:
            union.setdefault(run_group, set()).update(seeds)
        return {run_group: sorted(seeds) for run_group, seeds in union.items()}

    @cached_property
    def candidates(self) -> Candidates | None:
        """The classifiers that are tried on your own dataset; None in other studies."""
        return Candidates(self.settings, self.lineage) if self.settings.study.own else None

    @cached_property
    def _declared_cells(self) -> dict[str, list[Cell]]:
        """The cells, each with the seeds of its own artefact."""
        return {
            key: [
                self._cell(key, row, corpus, size)
                for row in artefact.rows
                for corpus in artefact.columns
                for size in (artefact.sizes or [None])
            ]
            for key, artefact in self.artefacts.items()
            if artefact.kind in KINDS_WITH_RUNS
        }

    def _cell(self, key: str, label: str, corpus: str, size: str | None) -> Cell:
        artefact = self.artefacts[key]
        row, column = artefact.rows[label], artefact.columns[corpus]
        lineage = self._lineage_or_content(row, corpus)
        if not isinstance(lineage, ids.Lineage):
            return Cell(label, column, corpus, lineage, (1,) if isinstance(lineage, RunGroup) else (), size=size)
        differences = artefact.recipe | row.recipe | artefact.sizes.get(size or "", {})
        differences |= artefact.column_recipe.get(corpus, {})
        encoder, rows = ids.format_encoder(lineage), self.declared_rows(corpus).get("train")
        keys = ("artefacts", key, "rows", label)
        declared = self.settings.finetune(differences, keys=keys)
        try:
            recipe = fitted(declared, self.base(encoder).depth, rows, self.base(encoder).kind)
            recipe_id = ids.format_recipe(recipe, self.default) if isinstance(recipe, Finetune) else ""
        except UserError as error:
            raise UserError(f"{self.settings.merged.where(keys)}: {error}") from None
        longest = self.base(encoder).longest
        if isinstance(recipe, Finetune) and longest and recipe.max_length > longest:
            recipe = NotApplicable(f"the encoder reads {longest} word pieces")
        if isinstance(recipe, NotApplicable):
            return Cell(label, column, corpus, recipe, size=size)
        if reason := too_small(recipe, rows, self.corpus(corpus).classes):
            return Cell(label, column, corpus, reason, size=size)
        run_group, seeds = RunGroup(corpus, encoder, recipe_id), tuple(self._seeds_of(artefact, row, corpus))
        percent = share(recipe, rows) if size else None
        return Cell(label, column, corpus, run_group, seeds, self._lacking(lineage), size, percent)

    def _lineage_or_content(self, row: Row, corpus: str) -> ids.Lineage | Content:
        """The encoder that a row fine-tunes on a corpus; for a row without one, the content of the cell."""
        if row.quoted:
            return Quoted()
        if unavailable := self.unavailable(corpus):
            return unavailable
        if reason := row.without.get(corpus):
            return NotApplicable(reason)
        return RunGroup(corpus, BASELINE, "default") if row.baseline else self.lineage(row, corpus)

    def _seeds_of(self, artefact: Artefact, row: Row, corpus: str) -> list[int]:
        """Seeds of a cell: the first given of --config, row, artefact, corpus and study."""
        study = self.settings.study
        return self.settings.seeds_of(row.seeds or artefact.seeds or study.corpora[corpus].seeds or study.seeds)

    def _lacking(self, lineage: ids.Lineage) -> str:
        """Note on the declared corpora that were unavailable for the stages of an encoder; empty if there are none."""
        notes = []
        for stage in lineage.stages:
            if isinstance(stage, ids.MultitaskStage):
                declared, what = self.settings.study.multitask[stage.group].corpora, "multi-task fine-tuning"
                used = self.multitask(stage.group)[0].corpora
            else:
                declared, used, what = self.mix(stage.mix), self.available_texts(stage.mix), "pre-training"
            if absent := [name for name in declared if name not in used]:
                notes.append(f"{what} without {', '.join(absent)}, not available")
        return "; ".join(notes)

    def base_of(self, corpus: str) -> str:
        """The default base encoder for a corpus."""
        return self.settings.study.corpora[corpus].encoder or self.settings.study.base

    def lineage(self, row: Row, corpus: str) -> ids.Lineage | Unavailable:
        """The encoder that a row fine-tunes on a corpus, or why it is unavailable."""
        study = self.settings.study
        base = study.large if row.encoder == "large" else row.encoder or self.base_of(corpus)
        if base is None:
            return Unavailable("this study has no larger encoder")
        if base != study.base and (reason := self._absent(study.encoders[base])):
            return Unavailable(reason)
        stages: list[ids.Stage] = []
        steps = self.further_steps(row, base)
        if row.mix and steps:
            mix = named_mix(study, row.mix, corpus)
            texts = self.available_texts(mix)
            if not texts:
                return Unavailable(f"no corpus of the mix {mix} is available")
            if len(texts) == 1 and self.splits(mix) == ("train",):
                mix = texts[0]  # mixes of the same text are one encoder
            total = self.settings.steps(row.of, study.encoders[base].further) if row.of else steps
            seed = self._stage_seed(row.pretraining_seed)
            stages.append(ids.PretrainingStage(mix, steps, seed, total if total != steps else None))
        if row.multitask:
            group, _ = self.multitask(row.multitask)
            if not group.corpora:
                return Unavailable(f"no corpus of the group {row.multitask} is available")
            declared = group.seed if "seed" in group.model_fields_set else None
            stages.append(ids.MultitaskStage(row.multitask, self._stage_seed(declared)))
        return ids.Lineage(base, tuple(stages))

    def _absent(self, encoder: Encoder) -> str:
        """Why the folder of an encoder cannot be read; empty if it can, or the encoder has none."""
        folder = Path(encoder.folder).expanduser() if encoder.folder else None
        if folder is None or (folder / "config.json").is_file():
            return ""
        return f"{folder}: no encoder there; make the folder of {encoder.title}, or correct `folder`"

    def _stage_seed(self, declared: int | None) -> int | None:
        """The seed of a stage, or None for that of each run."""
        return 1 if declared is None and self.settings.study.stage_seeds == "one" else declared

    def further_steps(self, row: Row, base: str) -> int:
        """Steps of a row's further pre-training of the encoder ``base``; 0 if it has none."""
        return self.settings.steps(row.steps, self.settings.study.encoders[base].further) if row.mix else 0

    @cached_property
    def blocks(self) -> dict[RunGroup, list[Job]]:
        """The training jobs of every run group."""
        return {
            run_group: [Job(run_group, ids.format_block(block)) for block in ids.blocks(seeds, self._block(run_group))]
            for run_group, seeds in self.seeds.items()
        }

    def _block(self, run_group: RunGroup) -> int:
        """The largest number of seeds of a job; jobs that share the states of a frozen encoder have one encoder."""
        if run_group.encoder == BASELINE or not ids.parse_encoder(run_group.encoder).varies:
            return self.settings.study.block
        return 1 if self.recipe(run_group.recipe).classifier == "bilstm" else self.settings.study.block

    def jobs(self, artefact: str | None = None) -> list[Job]:
        """The training jobs of one artefact, or of the whole study."""
        cells = [cell for key, cells in self.cells.items() if artefact in (None, key) for cell in cells]
        run_groups = dict.fromkeys(cell.run_group for cell in cells if cell.run_group)
        return [job for run_group in run_groups for job in self.blocks[run_group]]

    @cached_property
    def encoders(self) -> list[str]:
        """Ids of all encoders that runs need, their ancestors, and the final encoders of runs with checkpoints."""
        needed: dict[str, None] = {}
        for run_group, seeds in self.seeds.items():
            if run_group.encoder != BASELINE:
                needed |= dict.fromkeys(ids.with_ancestors(run_group.encoder, seeds))
        return [*needed, *sorted({end for end in map(ids.saved_from, needed) if end and end not in needed})]


def open_registry(overrides: Mapping[str, Any], folder: Path, results: Path = Path("results")) -> Registry:
    """Read ``config.yaml`` and the study below ``folder``; ``overrides`` are Snakemake's ``--config`` values."""
    return Registry(results_owner.named(load_settings(overrides, folder, os.environ), results), results)
