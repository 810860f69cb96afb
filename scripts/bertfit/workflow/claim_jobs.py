"""Inputs, outputs and specification of the job of the verdicts (rule judge_claims)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from bertfit.claims import claim_schema, resolve
from bertfit.claims.claim_schema import NOT_CHOSEN, ClaimSpec, Contrast, Mark, Question, Runs
from bertfit.claims.expected import EXPECTED
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job, RunGroup
from bertfit.experiments.job_specs import Files
from bertfit.workflow import code_digest
from bertfit.workflow.training_jobs import TrainingJobs


@dataclass(frozen=True)
class ClaimJobs:
    """Files and specification of rule judge_claims, for all artefacts or those that --config artefacts selects."""

    jobs: TrainingJobs

    @cached_property
    def questions(self) -> list[Question]:
        """The claims of ``paper/claims.yaml``, resolved to runs. Raises `UserError` for an invalid claim."""
        registry = self.jobs.registry
        path = registry.settings.config.path.parent / "paper" / "claims.yaml"
        known = {address(job.run_group) for job in self.runs}
        return [
            question.model_copy(update={"contrasts": [_selected(contrast, known) for contrast in question.contrasts]})
            for of_encoder in (resolve.resolve, resolve.of_other_encoders)
            for question in of_encoder(claim_schema.load(path), registry)
        ]

    def check(self) -> None:
        """Raise `UserError` for an invalid claim, before the first job runs."""
        _ = self.questions

    @cached_property
    def judged(self) -> list[Job]:
        """The training jobs that the claims compare."""
        return resolve.jobs(self.questions, self.jobs.registry)

    @property
    def synthetic(self) -> list[str]:
        """The corpora in use that are synthetic: their effects are known, and the report may show their texts."""
        return [name for name in self.corpora if self.jobs.registry.corpus(name).source.synthetic]

    @property
    def expected(self) -> dict[str, Mark] | None:
        """Claim -> expected verdict, from the effects built into synthetic corpora; None if others are used."""
        all_synthetic = bool(self.corpora) and self.synthetic == self.corpora
        return {claim: mark for claim, (mark, _) in EXPECTED.items()} if all_synthetic else None

    def claim_files(self) -> list[str]:
        """Predictions of the runs that the claims compare."""
        return [f"{self.jobs.root}/{job.path}/predictions.parquet" for job in self.judged]

    def claim_inputs(self) -> Files:
        """Input files of the job; each ``history.csv`` is read from beside the predictions."""
        read = {address(runs) for question in self.questions for runs in question.runs if runs.reading != "last"}
        return {
            "predictions": self.claim_files(),
            "history": [
                f"{self.jobs.root}/{job.path}/history.csv" for job in self.judged if address(job.run_group) in read
            ],
            "clusters": self.jobs.cluster_files(self.judged),
        }

    def claim_outputs(self) -> dict[str, str]:
        """Output files of the job, by file format."""
        return {suffix: f"{self.jobs.root}/claims{self.jobs.registry.part}.{suffix}" for suffix in ("json", "md")}

    def claim_spec(self) -> ClaimSpec:
        """The claims, and the run group of each file of `claim_files`, in the same order."""
        return ClaimSpec(
            study=self.jobs.registry.settings.name,
            questions=self.questions,
            runs=[job.run_group for job in self.judged],
            expected=self.expected,
            published=code_digest.of_paper("published.csv"),
        )

    # ------------------------------------------------------------------------------------------ runs, encoders, corpora

    @cached_property
    def runs(self) -> list[Job]:
        """Every training job of the artefacts, each once, in the registry's order."""
        registry = self.jobs.registry
        wanted = {job for key in registry.chosen for job in registry.jobs(key)}
        return [job for job in registry.jobs() if job in wanted]

    @cached_property
    def encoders(self) -> list[str]:
        """Every encoder of the runs with its ancestors, and those that a selected table of forgetting shows."""
        registry = self.jobs.registry
        if "forgetting" in {registry.artefacts[key].kind for key in registry.chosen} or not registry.part:
            return registry.encoders
        encoded = [job for job in self.runs if job.run_group.encoder != BASELINE]
        needed: set[str | None] = {
            name for job in encoded for name in ids.with_ancestors(job.run_group.encoder, job.seeds)
        }
        needed |= {ids.saved_from(encoder) for encoder in needed if encoder}
        return [encoder for encoder in registry.encoders if encoder in needed]

    @cached_property
    def corpora(self) -> list[str]:
        """The available corpora that the artefacts or the pre-training read."""
        registry = self.jobs.registry
        columns = {name for key in registry.chosen for name in registry.artefacts[key].columns}
        used = {name for name in columns if registry.unavailable(name) is None}
        used |= {PurePosixPath(path).name.split(".")[0] for path in self.documents}
        return [name for name in registry.settings.study.corpora if name in used]

    @cached_property
    def documents(self) -> list[str]:
        """Cards (JSON) of the pre-training texts of corpora, written by rule write_documents."""
        registry = self.jobs.registry
        trained = [encoder for encoder in self.encoders if encoder in self.jobs.pretrained]
        mixes = sorted({registry.pretraining(encoder)[1] for encoder in trained})
        texts = dict.fromkeys(path for mix in mixes for path in self.jobs.mix_files(mix))
        paths = (PurePosixPath(path) for path in texts)
        corpora = registry.settings.study.corpora
        return [str(path.with_suffix(".json")) for path in paths if path.name.split(".")[0] in corpora]


def address(run_group: RunGroup | Runs) -> str:
    """Name of a run group in the report: ``imdb/mini/truncation=tail``."""
    return f"{run_group.corpus}/{run_group.encoder}/{run_group.recipe}"


def behind(contrast: Contrast) -> list[str]:
    """Addresses of the run groups that a comparison uses."""
    return list(dict.fromkeys(address(term) for column in contrast.columns for term in column))


def _selected(contrast: Contrast, known: Collection[str]) -> Contrast:
    """The comparison, emptied with a reason if any of its runs is not in ``known``."""
    if all(run in known for run in behind(contrast)):
        return contrast
    return contrast.model_copy(update={"columns": [], "reason": NOT_CHOSEN})
