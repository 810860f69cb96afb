"""Inputs and specifications of the plan and of the measurement of speed. Imports neither torch nor pandas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bertfit.config.encoder_schema import Encoder
from bertfit.experiments import ids
from bertfit.experiments.cells import BASELINE, Job
from bertfit.experiments.summary_specs import (
    CalibrationSpec,
    PlannedArtefact,
    PlannedBaseline,
    PlannedBlock,
    PlannedCorpus,
    PlannedEncoder,
    PlannedJob,
    PlannedMultitask,
    PlannedPretraining,
    StudyPlan,
)
from bertfit.power.power_schema import PlanWithClaims, PowerSpec
from bertfit.runtime import hardware
from bertfit.workflow import code_digest
from bertfit.workflow.claim_jobs import ClaimJobs, address
from bertfit.workflow.corpus_sizes import CorpusSizes, used_examples
from bertfit.workflow.shards import Shards
from bertfit.workflow.training_jobs import TrainingJobs


@dataclass(frozen=True)
class PlanJobs:
    """The jobs of a study, described for the plan."""

    jobs: TrainingJobs

    @property
    def root(self) -> str:
        """``results/<study>``."""
        return self.jobs.root

    def calibration_spec(self) -> CalibrationSpec:
        """Specification of rule measure_speed: the study's base encoder and recipe, and this machine."""
        registry, study = self.jobs.registry, self.jobs.registry.settings.study
        base = study.encoders[study.base]
        return CalibrationSpec(
            encoder=self._encoder(base),
            recipe=registry.default,
            pretrain=registry.settings.pretrain(base.further),
            threads=study.threads,
            cuda_graphs=registry.settings.switches.cuda_graphs,
            half_weights=registry.settings.switches.half_weights,
            machine=[hardware.processor(), *hardware.gpus()],
        )

    @cached_property
    def shards(self) -> Shards:
        """The parts that --config shard selects from."""
        return Shards(ClaimJobs(self.jobs))

    @property
    def throughput(self) -> float | None:
        """10**12 operations per second, if --config throughput gives them."""
        return self.jobs.registry.settings.switches.throughput

    def calibration_file(self) -> str | list[str]:
        """The measured speed, an input of the plan; none if --config throughput gives it."""
        return [] if self.throughput else f"{self.root}/calibration.json"

    def plan_spec(self) -> PlanWithClaims:
        """Specification of rule plan."""
        switches = self.jobs.registry.settings.switches
        return PlanWithClaims(
            throughput=self.throughput,
            step_ms=switches.step_ms,
            cuda_graphs=switches.cuda_graphs,
            watts=switches.watts,
            plan=self.spec(),
            claims=self.power_spec(),
            paper=code_digest.of_paper("published.csv", "spreads.yaml"),
        )

    def power_spec(self) -> PowerSpec:
        """The claims of the study, and the sizes of their corpora; no claims for a part, which judges none."""
        registry = self.jobs.registry
        questions = [] if registry.settings.switches.shard else ClaimJobs(self.jobs).questions
        questions = [question for question in questions if not question.encoder]  # nothing is published of others
        runs = {address(runs): runs for question in questions for runs in question.runs}
        rows = {corpus: CorpusSizes(self.jobs).rows(corpus) for corpus in {each.corpus for each in runs.values()}}
        return PowerSpec(
            study=registry.settings.name,
            root=self.root,
            questions=questions,
            test_texts={corpus: split["test"] for corpus, split in sorted(rows.items()) if "test" in split},
            training_examples={
                name: used_examples(registry.recipe(each.recipe), rows[each.corpus]["train"])
                for name, each in runs.items()
                if "train" in rows[each.corpus]
            },
        )

    def spec(self) -> StudyPlan:
        """All training jobs, by artefact, with their corpora, encoders and recipes."""
        registry, study = self.jobs.registry, self.jobs.registry.settings.study
        switches = registry.settings.switches
        chosen = "+".join(switches.artefacts)
        names = [corpus for corpus in study.corpora if registry.missing(corpus) is None]
        return StudyPlan(
            study=registry.settings.name,
            root=self.root,
            file=(f"plan.{chosen}" if chosen else "plan") + self.shards.infix,
            cache_mb=study.cache_mb,
            titles=self._titles(),
            jobs=self._jobs(),
            artefacts={key: self._artefact(key) for key in registry.chosen},
            recipes={recipe: self.jobs.registry.recipe(recipe) for recipe in self.jobs.recipes},
            encoders={key: self._encoder(encoder) for key, encoder in study.encoders.items()},
            folders=list(registry.encoders),
            base=study.base,
            gpus={
                key: encoder.gpus if switches.gpus is None else max(1, switches.gpus)
                for key, encoder in study.encoders.items()
            },
            jobs_per_gpu=switches.jobs_per_gpu,
            corpora={name: self._corpus(name) for name in names},
            texts=list(study.texts),
        )

    def _jobs(self) -> list[PlannedJob]:
        """All training jobs; with --config artefacts or shard those of these artefacts or of this part."""
        jobs: list[PlannedJob] = [self._encoder_job(name) for name in self._ends]
        jobs += [self._run(job) for job in self.jobs.registry.jobs()]
        needs = {job.name: job.needs for job in jobs}
        queue = [name for key in self.jobs.registry.chosen for name in self._artefact(key).jobs]
        needed = set(queue) if self.jobs.registry.settings.switches.artefacts else set(needs)
        while queue:
            parents = set(needs[queue.pop()]) - needed
            needed |= parents
            queue += parents
        return [job for job in jobs if job.name in needed and self.shards.trains(job.name)]

    @cached_property
    def _ends(self) -> list[str]:
        """Final encoders of trainings, without intermediate checkpoints; ancestors first."""
        trained = [name for name in (*self.jobs.pretrained, *self.jobs.multitasked) if not ids.saved_from(name)]
        return sorted(trained, key=lambda name: len(ids.parse_encoder(name).stages))

    def _trainer(self, encoder: str) -> list[str]:
        """Name of the job that trains an encoder; empty for fetched ones."""
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
            texts=self.jobs.registry.available_texts(mix),
            instances=self.jobs.instances(name),
            name=f"encoders/{name}",
            base=lineage.base,
            needs=needs,
            benchmark=f"{self.root}/benchmarks/{rule}/{name}.jsonl",
            saves=saves,
        )

    def _run(self, job: Job) -> PlannedBaseline | PlannedBlock:
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
        recipe = self.jobs.registry.recipe(run_group.recipe)
        kind: Literal["finetune", "train_on_features"] = (
            "train_on_features" if recipe.classifier == "bilstm" else "finetune"
        )
        rule = "finetune_and_save" if recipe.save_model else kind
        return PlannedBlock(
            name=job.path,
            corpus=run_group.corpus,
            recipe=run_group.recipe,
            seeds=job.seeds,
            kind=kind,
            base=ids.parse_encoder(run_group.encoder).base,
            needs=[
                trainer
                for encoder in ids.encoders_of(run_group.encoder, job.seeds)
                for trainer in self._trainer(encoder)
            ],
            benchmark=f"{benchmarks}/{rule}/{job.path.removeprefix('runs/')}.jsonl",
        )

    def _artefact(self, key: str) -> PlannedArtefact:
        """An artefact and its jobs, of a part those of this part; without the jobs that these need."""
        declared = self.jobs.registry.artefacts[key]
        jobs = [job.path for job in self.jobs.registry.jobs(key)]
        if declared.kind == "forgetting":
            jobs = [name for name in map("encoders/{}".format, self._ends) if "~" in name and "~mt-" not in name]
        jobs = [name for name in jobs if self.shards.trains(name)]
        return PlannedArtefact(number=declared.number, title=declared.title, jobs=jobs)

    def _corpus(self, name: str) -> PlannedCorpus:
        registry = self.jobs.registry
        base = registry.base_of(name)
        return PlannedCorpus(
            rows=CorpusSizes(self.jobs).rows(name),
            classes=registry.corpus(name).classes,
            tokens={"train": self.jobs.tokens(name, base, "train"), "test": self.jobs.tokens(name, base, "test")},
        )

    def _encoder(self, encoder: Encoder) -> PlannedEncoder:
        """The sources of the size of a base encoder."""
        study = self.jobs.registry.settings.study
        key = next(key for key, value in study.encoders.items() if value is encoder)
        return PlannedEncoder(
            config=f"{self.root}/encoders/{key}/config.json",
            family=encoder.kind.model_type,
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
