"""What the plan of a study reads and depends on: the registry as its rules need it. Neither torch nor pandas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bertfit.config.study_schema import Encoder
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job
from bertfit.experiments.summary_specs import (
    CalibrationSpec,
    PlannedArtefact,
    PlannedBaseline,
    PlannedCorpus,
    PlannedEncoder,
    PlannedJob,
    PlannedMultitask,
    PlannedPretraining,
    PlannedRun,
    PlanSpec,
    StudyPlan,
)
from bertfit.runtime import hardware
from bertfit.workflow.training_jobs import Jobs


@dataclass(frozen=True)
class Planning:
    """Jobs of a study as the plan counts them."""

    jobs: Jobs

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    def calibration_spec(self) -> CalibrationSpec:
        """Of the study's base encoder and recipe: what is timed, and the machine that asks for it."""
        registry, study = self.jobs.registry, self.jobs.registry.settings.study
        base = study.encoders[study.base]
        return CalibrationSpec(
            encoder=self._encoder(base),
            recipe=registry.default,
            pretrain=registry.settings.pretrain(base.further),
            threads=study.threads,
            machine=[hardware.processor(), *hardware.gpus()],
        )

    @property
    def throughput(self) -> float | None:
        """10**12 operations a second, where they were given."""
        return self.jobs.registry.settings.switches.throughput

    def calibration_file(self) -> str | list[str]:
        """What the plan reads its speed from; nothing where that was given."""
        return [] if self.throughput else f"{self.root}/calibration.json"

    def plan_spec(self) -> PlanSpec:
        """The plan's values."""
        return PlanSpec(throughput=self.throughput, plan=self.spec())

    def spec(self) -> StudyPlan:
        """All jobs that train, by artefact, with what they depend on and read; corpora, encoders, recipes."""
        registry, study = self.jobs.registry, self.jobs.registry.settings.study
        chosen = "+".join(registry.settings.switches.artefacts)
        names = [corpus for corpus in study.corpora if registry.missing(corpus) is None]
        return StudyPlan(
            study=registry.settings.name,
            root=self.root,
            file=f"plan.{chosen}" if chosen else "plan",
            cache_mb=study.cache_mb,
            titles=self._titles(),
            jobs=self._jobs(),
            artefacts={key: self._artefact(key) for key in registry.chosen},
            recipes={recipe: self.jobs.recipe(recipe) for recipe in self.jobs.recipes},
            encoders={key: self._encoder(encoder) for key, encoder in study.encoders.items()},
            folders=list(registry.encoders),
            corpora={name: self._corpus(name) for name in names},
            texts=list(study.texts),
        )

    def _jobs(self) -> list[PlannedJob]:
        """All jobs; of a choice of artefacts those that these need."""
        jobs: list[PlannedJob] = [self._encoder_job(name) for name in self._ends]
        jobs += [self._run(job) for job in self.jobs.registry.jobs()]
        needs = {job.name: job.needs for job in jobs}
        waiting = [name for key in self.jobs.registry.chosen for name in self._artefact(key).jobs]
        wanted = set(waiting) if self.jobs.registry.settings.switches.artefacts else set(needs)
        while waiting:
            more = set(needs[waiting.pop()]) - wanted
            wanted |= more
            waiting += more
        return [job for job in jobs if job.name in wanted]

    @cached_property
    def _ends(self) -> list[str]:
        """Encoders that are the end of a training."""
        trained = [name for name in (*self.jobs.pretrained, *self.jobs.multitasked) if not ids.saved_from(name)]
        return sorted(trained, key=lambda name: len(ids.parse_encoder(name).stages))

    def _trainer(self, encoder: str) -> list[str]:
        """The job that an encoder comes from, if one trains it."""
        end = ids.saved_from(encoder) or encoder
        return [f"encoders/{end}"] if end in self._ends else []

    def _encoder_job(self, name: str) -> PlannedPretraining | PlannedMultitask:
        lineage, saves = ids.parse_encoder(name), len(self.jobs.saves.get(name, {}))
        needs = self._trainer(ids.format_encoder(lineage.parent)) if lineage.stages else []
        if name in self.jobs.multitasked:
            spec = self.jobs.multitask_spec(name)
            return PlannedMultitask(
                kind="multitask",
                group=spec.multitask,
                whole=spec.recipe,
                name=f"encoders/{name}",
                base=lineage.base,
                needs=needs,
                benchmark=f"{self.root}/benchmarks/multitask_encoder/{name}.jsonl",
                saves=saves,
            )
        pretrain, mix, _ = self.jobs.registry.pretraining(name)
        rule = "pretrain_and_save" if name in self.jobs.saves else "pretrain_encoder"
        return PlannedPretraining(
            kind="pretrain",
            pretrain=pretrain,
            mix=mix,
            texts=self.jobs.registry.texts_in_hand(mix),
            instances=self.jobs.instances(name),
            name=f"encoders/{name}",
            base=lineage.base,
            needs=needs,
            benchmark=f"{self.root}/benchmarks/{rule}/{name}.jsonl",
            saves=saves,
        )

    def _run(self, job: Job) -> PlannedBaseline | PlannedRun:
        run_group, benchmarks = job.run_group, f"{self.root}/benchmarks"
        if run_group.encoder == BASELINE:
            return PlannedBaseline(
                name=job.path,
                corpus=run_group.corpus,
                recipe=run_group.recipe,
                seeds=job.seeds,
                kind="baseline",
                needs=[],
                benchmark=f"{benchmarks}/run_baseline/{run_group.corpus}.jsonl",
            )
        recipe = self.jobs.recipe(run_group.recipe)
        kind: Literal["finetune", "train_on_features"] = (
            "train_on_features" if recipe.classifier == "bilstm" else "finetune"
        )
        rule = "finetune_and_keep" if recipe.save_model else kind
        return PlannedRun(
            name=job.path,
            corpus=run_group.corpus,
            recipe=run_group.recipe,
            seeds=job.seeds,
            kind=kind,
            base=ids.parse_encoder(run_group.encoder).base,
            needs=self._trainer(run_group.encoder),
            benchmark=f"{benchmarks}/{rule}/{job.path.removeprefix('runs/')}.jsonl",
        )

    def _artefact(self, key: str) -> PlannedArtefact:
        """Number and title, and its jobs without those that they need."""
        declared = self.jobs.registry.artefacts[key]
        jobs = [job.path for job in self.jobs.registry.jobs(key)]
        if declared.kind == "forgetting":
            jobs = [name for name in map("encoders/{}".format, self._ends) if "~" in name and "~mt-" not in name]
        return PlannedArtefact(number=declared.number, title=declared.title, jobs=jobs)

    def _corpus(self, name: str) -> PlannedCorpus:
        registry = self.jobs.registry
        base = registry.base_of(name)
        return PlannedCorpus(
            rows=registry.declared_rows(name),
            classes=registry.corpus(name).classes,
            tokens={"train": self.jobs.tokens(name, base, "train"), "test": self.jobs.tokens(name, base, "test")},
        )

    def _encoder(self, encoder: Encoder) -> PlannedEncoder:
        """What says the size of a base encoder."""
        study = self.jobs.registry.settings.study
        key = next(key for key, value in study.encoders.items() if value is encoder)
        return PlannedEncoder(
            config=f"{self.root}/encoders/{key}/config.json",
            shape=encoder.scratch,
            hub=encoder.hub,
            folder=encoder.folder,
            package=encoder.package,
            layers=encoder.depth,
            vocabulary=study.vocabularies[encoder.vocabulary].size,
        )

    def _titles(self) -> dict[str, str]:
        """Corpus -> its name in Table 1 of the paper."""
        declared = self.jobs.registry.settings.config.value.get("artefacts") or {}
        return dict((declared.get("table1") or {}).get("columns") or {})
