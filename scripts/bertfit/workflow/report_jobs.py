"""What the jobs of verdicts and of the report read (paths) and show (values): the registry as their rules need it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from bertfit.claims import claim_schema, resolve
from bertfit.claims.claim_schema import Contrast, Question
from bertfit.claims.expected import EXPECTED
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Cell, Job, Trainee
from bertfit.workflow.artefact_jobs import FIGURES, Artefacts
from bertfit.workflow.training_jobs import Jobs

TEMPLATES = Path(__file__).parents[1] / "report" / "templates"


@dataclass(frozen=True)
class Reporting:
    """Inputs and values of ``claims.json`` and ``report.html``; of a choice of artefacts, of theirs alone."""

    jobs: Jobs

    # ------------------------------------------------------------------------------------------ claims

    @cached_property
    def questions(self) -> list[Question]:
        """The claims of ``paper/claims.yaml`` as the study can put them. Raises `UserError` for a bad claim."""
        registry = self.jobs.registry
        path = registry.settings.config.path.parent / "paper" / "claims.yaml"
        known = {address(job.trainee) for job in self.runs}
        return [
            question.model_copy(update={"contrasts": [_kept(one, known) for one in question.contrasts]})
            for question in resolve.resolve(claim_schema.load(path), registry)
        ]

    def check(self) -> None:
        """Raise `UserError` for a claim that is not one, before the first job runs."""
        _ = self.questions

    @cached_property
    def judged(self) -> list[Job]:
        """The training jobs that the claims look at."""
        return resolve.jobs(self.questions, self.jobs.registry)

    @property
    def generated(self) -> list[str]:
        """Corpora in hand that the project generates: their effects are expected, their texts may be shown."""
        return [name for name in self._in_hand if self.jobs.registry.corpus(name).source.world]

    @property
    def expected(self) -> dict[str, str] | None:
        """What was put into the corpora, claim by claim; None where not all of them are generated."""
        whole = bool(self._in_hand) and self.generated == self._in_hand
        return {claim: mark for claim, (mark, _) in EXPECTED.items()} if whole else None

    def claim_files(self) -> list[str]:
        """Predictions behind the claims."""
        return [f"{self.jobs.root}/{job.path}/predictions.parquet" for job in self.judged]

    def claim_spec(self) -> dict[str, Any]:
        """The questions, and which run stands behind each file of `claim_files`, in its order."""
        return {
            "study": self.jobs.registry.settings.name,
            "questions": [question.model_dump() for question in self.questions],
            "runs": [_names(job.trainee) for job in self.judged],
            "expected": self.expected,
        }

    # ------------------------------------------------------------------------------------------ report

    @cached_property
    def runs(self) -> list[Job]:
        """Every training job behind the artefacts, each once, in the registry's order."""
        registry = self.jobs.registry
        wanted = {job for key in registry.chosen for job in registry.jobs(key)}
        return [job for job in registry.jobs() if job in wanted]

    @cached_property
    def encoders(self) -> list[str]:
        """Every encoder behind the runs, and those that a chosen table of forgetting shows."""
        registry = self.jobs.registry
        if "forgetting" in {registry.artefacts[key].kind for key in registry.chosen} or not registry.settings.chosen:
            return registry.encoders
        found: set[str | None] = set()
        for encoder in {job.trainee.encoder for job in self.runs} - {BASELINE}:
            lineage = ids.parse_encoder(encoder)
            stages = [lineage.stages[:count] for count in range(len(lineage.stages) + 1)]
            found |= {ids.format_encoder(ids.Lineage(lineage.base, each)) for each in stages}
        found |= {ids.saved_from(encoder) for encoder in found if encoder}
        return [encoder for encoder in registry.encoders if encoder in found]

    def artefact_files(self) -> list[str]:
        """What the page shows of each artefact: the numbers, and of a figure the picture."""
        targets = (path for key in self.jobs.registry.chosen for path in Artefacts(self.jobs).targets(key))
        return [path for path in targets if path.endswith((".csv", ".svg"))]

    @property
    def scores(self) -> list[str]:
        """Error rates of all runs, below the results folder."""
        registry = self.jobs.registry
        if not registry.settings.chosen:
            return ["results.parquet"]
        return [f"scores/{key}.parquet" for key in registry.chosen if registry.jobs(key)]

    def score_files(self) -> list[str]:
        """Where error rates of all runs stand; a choice of artefacts has no table of them all."""
        return [f"{self.jobs.root}/{path}" for path in self.scores]

    def run_files(self, name: str) -> list[str]:
        """One file of every training job: run.json, history.csv or predictions.parquet."""
        return [f"{self.jobs.root}/{job.path}/{name}" for job in self.runs]

    def encoder_files(self, name: str) -> list[str]:
        """run.json of every encoder, or history.csv of those that the workflow trains."""
        trained = [one for one in self.encoders if one not in self.jobs.fetched]
        return [f"{self.jobs.root}/encoders/{one}/{name}" for one in (self.encoders if name == "run.json" else trained)]

    def plan_files(self) -> list[str]:
        """The plan of the whole study, where `snakemake plan` was asked for one."""
        path = f"{self.jobs.root}/plan.json"
        return [path] if not self.jobs.registry.settings.chosen and Path(path).is_file() else []

    def corpus_files(self) -> list[str]:
        """Cards of the corpora in hand, of their pre-training texts, and test splits whose texts may be shown."""
        cards = [f"{self.jobs.root}/corpora/{name}/card.json" for name in self._in_hand]
        texts = [f"{self.jobs.root}/corpora/{name}/test.parquet" for name in self._shown_texts]
        return cards + self._documents + texts

    def report_spec(self) -> dict[str, Any]:
        """All that the page says which no file holds; paths are below the results folder."""
        settings = self.jobs.registry.settings
        study = settings.study
        return {
            "claims": f"claims{self.jobs.registry.part}.json",
            "study": {
                "name": settings.name,
                "title": study.title,
                "comparable": study.comparable,
                "base": study.encoders[study.base].title,
                "seeds": study.seeds,
            },
            "default": self.jobs.registry.default.model_dump(),
            "artefacts": [self._artefact(key) for key in self.jobs.registry.chosen],
            "scores": self.scores,
            "runs": [self._run(job) for job in self.runs],
            "encoders": [self._encoder(encoder) for encoder in self.encoders],
            "corpora": self._corpora(),
            "texts": self._shown_texts,
            "behind": {one.id: [_behind(contrast) for contrast in one.contrasts] for one in self.questions},
            "expected": {claim: why for claim, (_, why) in EXPECTED.items()} if self.expected else {},
            "templates": templates(),
        }

    # ------------------------------------------------------------------------------------------ parts

    def _artefact(self, key: str) -> dict[str, Any]:
        declared = self.jobs.registry.artefacts[key]
        spec = Artefacts(self.jobs).spec(key)
        return {
            "key": key,
            **declared.model_dump(include={"kind", "number", "title", "caption", "section", "columns", "average"}),
            "figure": declared.kind in FIGURES,
            "cells": [_cell(cell) for cell in self.jobs.registry.cells.get(key, [])],
            "reasons": {name: corpus["reason"] for name, corpus in spec.get("corpora", {}).items() if corpus["reason"]},
        }

    def _run(self, job: Job) -> dict[str, Any]:
        trainee = job.trainee
        cells = self.jobs.registry.cells
        chosen = [key for key in self.jobs.registry.chosen if key in cells]
        shown = [key for key in chosen if any(cell.trainee == trainee for cell in cells[key])]
        return {"path": job.path, **_names(trainee), "seeds": job.seeds, "stage": self._stage(trainee), "in": shown}

    def _stage(self, trainee: Trainee) -> str:
        if trainee.encoder == BASELINE:
            return "baseline"
        return "features" if self.jobs.recipe(trainee.recipe).classifier == "bilstm" else "fine-tuning"

    def _encoder(self, encoder: str) -> dict[str, Any]:
        lineage = ids.parse_encoder(encoder)
        trained = "multi-task fine-tuning" if encoder in self.jobs.multitasked else "pre-training"
        return {
            "encoder": encoder,
            "title": self.jobs.registry.base(encoder).title,
            "parent": ids.format_encoder(lineage.parent) if lineage.stages else None,
            "saved_from": ids.saved_from(encoder),
            "stage": "fetched" if encoder in self.jobs.fetched else trained,
        }

    def _corpora(self) -> dict[str, Any]:
        """Every corpus that the study declares or its artefacts name, in the order declared."""
        registry = self.jobs.registry
        declared = registry.settings.study.corpora
        titles = {name: title for key in registry.chosen for name, title in registry.artefacts[key].columns.items()}
        titles = {**{name: corpus.title for name, corpus in declared.items()}, **titles}
        documents = [PurePosixPath(path).name for path in self._documents]
        return {
            name: {
                "title": declared[name].title if name in declared else title,
                "reason": "" if name in self._in_hand else registry.unavailable(name) or "no artefact asks for it",
                "documents": [file for file in documents if file.split(".")[0] == name],
            }
            for name, title in titles.items()
        }

    @cached_property
    def _in_hand(self) -> list[str]:
        """Corpora that the study's artefacts or its pre-training read."""
        registry = self.jobs.registry
        columns = {name for key in registry.chosen for name in registry.artefacts[key].columns}
        used = {name for name in columns if registry.unavailable(name) is None}
        used |= {PurePosixPath(path).name.split(".")[0] for path in self._documents}
        return [name for name in registry.settings.study.corpora if name in used]

    @property
    def _shown_texts(self) -> list[str]:
        """Corpora whose test texts the page may show: the generated ones are nobody's, those of a user's file his."""
        own = self.jobs.registry.settings.study.own
        return [
            name
            for name in [*self.generated, *([own.corpus] if own else [])]
            if any(job.trainee.corpus == name for job in self.runs)
        ]

    @cached_property
    def _documents(self) -> list[str]:
        """What `write_documents` says of the corpora that encoders are pre-trained on."""
        registry = self.jobs.registry
        trained = [encoder for encoder in self.encoders if encoder in self.jobs.pretrained]
        mixes = sorted({registry.pretraining(encoder)[1] for encoder in trained})
        texts = dict.fromkeys(path for mix in mixes for path in self.jobs.mix_files(mix))
        paths = (PurePosixPath(path) for path in texts)
        known = registry.settings.study.corpora
        return [str(path.with_suffix(".json")) for path in paths if path.name.split(".")[0] in known]


def templates(folder: Path = TEMPLATES) -> str:
    """Digest (16 hexadecimal digits) of the page's templates, which no digest of code covers."""
    digest = hashlib.sha256()
    for path in sorted(one for one in folder.iterdir() if one.suffix in (".html", ".css", ".js")):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def address(trainee: Trainee) -> str:
    """Name of a run on the page: ``imdb/mini/truncation=tail``."""
    return f"{trainee.corpus}/{trainee.encoder}/{trainee.recipe}"


def _names(trainee: Trainee) -> dict[str, str]:
    return {"corpus": trainee.corpus, "encoder": trainee.encoder, "recipe": trainee.recipe}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "row": cell.row,
        "column": cell.column,
        "run": address(cell.trainee) if cell.trainee else None,
        "size": cell.size,
        "status": cell.status,
        "reason": cell.reason,
        "note": cell.note,
    }


def _behind(contrast: Contrast) -> list[str]:
    """Addresses of the runs that one comparison looks at."""
    runs = (one for column in contrast.columns for one in column)
    return list(dict.fromkeys(f"{one.corpus}/{one.encoder}/{one.recipe}" for one in runs))


def _kept(contrast: Contrast, known: Collection[str]) -> Contrast:
    """A comparison whose runs are all at hand; else one that cannot be made, for that reason."""
    if all(run in known for run in _behind(contrast)):
        return contrast
    return contrast.model_copy(update={"columns": [], "reason": "left out by --config artefacts"})
