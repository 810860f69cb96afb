"""What the job of the verdicts reads (paths) and asks (values): the registry as its rule needs it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from bertfit.claims import claim_schema, resolve
from bertfit.claims.claim_schema import ClaimSpec, Contrast, Mark, Question
from bertfit.claims.expected import EXPECTED
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job, RunGroup
from bertfit.experiments.job_specs import Files
from bertfit.workflow.artefact_jobs import PUBLISHED
from bertfit.workflow.training_jobs import Jobs


@dataclass(frozen=True)
class Judging:
    """Inputs and values of ``claims.json``; of a choice of artefacts, of theirs alone."""

    jobs: Jobs

    @cached_property
    def questions(self) -> list[Question]:
        """The claims of ``paper/claims.yaml`` as the study can put them. Raises `UserError` for a bad claim."""
        registry = self.jobs.registry
        path = registry.settings.config.path.parent / "paper" / "claims.yaml"
        known = {address(job.run_group) for job in self.runs}
        return [
            question.model_copy(update={"contrasts": [_kept(contrast, known) for contrast in question.contrasts]})
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
        return [name for name in self.in_hand if self.jobs.registry.corpus(name).source.world]

    @property
    def expected(self) -> dict[str, Mark] | None:
        """What was put into the corpora, claim by claim; None where not all of them are generated."""
        whole = bool(self.in_hand) and self.generated == self.in_hand
        return {claim: mark for claim, (mark, _) in EXPECTED.items()} if whole else None

    def claim_files(self) -> list[str]:
        """Predictions behind the claims."""
        return [f"{self.jobs.root}/{job.path}/predictions.parquet" for job in self.judged]

    def claim_inputs(self) -> Files:
        """What the verdicts are made of."""
        return {"predictions": self.claim_files(), "published": PUBLISHED}

    def claim_outputs(self) -> dict[str, str]:
        """The verdicts, by form."""
        return {form: f"{self.jobs.root}/claims{self.jobs.registry.part}.{form}" for form in ("json", "md")}

    def claim_spec(self) -> ClaimSpec:
        """The questions, and which run stands behind each file of `claim_files`, in its order."""
        return ClaimSpec(
            study=self.jobs.registry.settings.name,
            questions=self.questions,
            runs=[job.run_group for job in self.judged],
            expected=self.expected,
        )

    # ------------------------------------------------------------------------------------------ what there is

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
        if "forgetting" in {registry.artefacts[key].kind for key in registry.chosen} or not registry.part:
            return registry.encoders
        found: set[str | None] = set()
        for encoder in {job.run_group.encoder for job in self.runs} - {BASELINE}:
            lineage = ids.parse_encoder(encoder)
            stages = [lineage.stages[:count] for count in range(len(lineage.stages) + 1)]
            found |= {ids.format_encoder(ids.Lineage(lineage.base, each)) for each in stages}
        found |= {ids.saved_from(encoder) for encoder in found if encoder}
        return [encoder for encoder in registry.encoders if encoder in found]

    @cached_property
    def in_hand(self) -> list[str]:
        """Corpora that the study's artefacts or its pre-training read."""
        registry = self.jobs.registry
        columns = {name for key in registry.chosen for name in registry.artefacts[key].columns}
        used = {name for name in columns if registry.unavailable(name) is None}
        used |= {PurePosixPath(path).name.split(".")[0] for path in self.documents}
        return [name for name in registry.settings.study.corpora if name in used]

    @cached_property
    def documents(self) -> list[str]:
        """What `write_documents` says of the corpora that encoders are pre-trained on."""
        registry = self.jobs.registry
        trained = [encoder for encoder in self.encoders if encoder in self.jobs.pretrained]
        mixes = sorted({registry.pretraining(encoder)[1] for encoder in trained})
        texts = dict.fromkeys(path for mix in mixes for path in self.jobs.mix_files(mix))
        paths = (PurePosixPath(path) for path in texts)
        known = registry.settings.study.corpora
        return [str(path.with_suffix(".json")) for path in paths if path.name.split(".")[0] in known]


def address(run_group: RunGroup) -> str:
    """Name of a run on the page: ``imdb/mini/truncation=tail``."""
    return f"{run_group.corpus}/{run_group.encoder}/{run_group.recipe}"


def behind(contrast: Contrast) -> list[str]:
    """Addresses of the runs that one comparison looks at."""
    runs = (one for column in contrast.columns for one in column)
    return list(dict.fromkeys(f"{one.corpus}/{one.encoder}/{one.recipe}" for one in runs))


def _kept(contrast: Contrast, known: Collection[str]) -> Contrast:
    """A comparison whose runs are all at hand; else one that cannot be made, for that reason."""
    if all(run in known for run in behind(contrast)):
        return contrast
    return contrast.model_copy(update={"columns": [], "reason": "left out by --config artefacts"})
