"""Resources of training jobs: upper bounds for schedulers that change no result.

Texts count with their lengths if they are tokenised or in a local file, else with the longest that the recipe allows
(see `corpus_sizes`). Operations and parameters are those of `flops`; speed of devices and memory beside the weights are
generous assumptions.
A job that needs more fails, and its retry asks for more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bertfit.config.corpus_schema import SPLITS
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.recipe_semantics import is_hierarchical, layer_numbers
from bertfit.config.settings import Settings
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from bertfit.plan import encoder_size, flops
from bertfit.plan.flops import Load, Size
from bertfit.runtime.limits import GIVEN, Limits
from bertfit.workflow import corpus_sizes
from bertfit.workflow.corpus_sizes import CorpusSizes
from bertfit.workflow.training_jobs import TrainingJobs

MB = 10**6
OPERATIONS = {"gpu": 2e13, "cpu": 2e10}  # per second, of one GPU or one CPU thread; measured: 9e10 of a thread
STEP_SECONDS = 0.005  # of a step beside its operations, per layer: kernel launches, on the slowest host so far
UPDATE_SECONDS = {"gpu": 0.0, "cpu": 1e-8}  # of a step, per parameter: the update; a GPU's is within STEP_SECONDS
MARGIN = 2.0  # factor on the estimated time
# Minutes beside training: imports, reading and writing files, and the six before the time limit in which Slurm already
# asks a training to save its state and end (profiles/slurm).
START = 10
PROCESS_MB = {"gpu": 4000, "cpu": 1000}  # Python and torch; with a GPU also CUDA's host memory
COPIES = 8  # of the weights: weights, gradients, two moments; three in a state being saved; the encoder as loaded
RANK_COPIES = 5  # in each further process of a job: weights, gradients, two moments; the encoder as loaded
STATES = 2  # on disk, while a new state replaces the old one
LOGS_MB = 100
CLASSES = 20  # of a corpus that does not declare them
PREDICTION_BYTES = 12  # of an evaluated row beside its logits


@dataclass(frozen=True)
class Needs:
    """Resources of one job, named as Snakemake and its cluster plugins name them."""

    gpu: int
    threads: int
    mem_mb: int
    disk_mb: int
    runtime: int
    """minutes"""

    def retried(self, attempt: int) -> Needs:
        """Resources of attempt number ``attempt`` (from 1): memory and time multiplied by it."""
        return replace(self, mem_mb=attempt * self.mem_mb, runtime=attempt * self.runtime)

    def ask(self, resource: str, attempt: int, limits: Limits, attempts: int) -> int:
        """What attempt number ``attempt`` of at most ``attempts`` asks for, at most the limit.

        Raises `UserError` where the limit is less than the first attempt asks for (not of memory and disk on this
        machine, which are upper bounds); of time, where all attempts
        together have less than the training is expected to take, as each goes on where the last one stopped.
        """
        wanted, limit = getattr(self.retried(attempt), resource), getattr(limits, resource, None)
        if limit is None:
            return wanted
        if limits.local and resource in ("mem_mb", "disk_mb"):
            return min(wanted, limit)
        if resource == "runtime" and self.runtime / MARGIN > attempts * limit:
            raise UserError(
                f"the training is expected to take {self.runtime / MARGIN:.0f} min; {attempts} attempts of at most "
                f"{limit} min (resource runtime of {GIVEN}) are {attempts * limit} min; raise the limit or --retries"
            )
        first = getattr(self, resource)
        if resource != "runtime" and first > limit:
            raise UserError(
                f"the job asks for {resource}={first}; {GIVEN} allows {limit}; raise the limit or, if you know "
                f"that less will do, ask for less with --set-resources RULE:{resource}={limit}"
            )
        return min(wanted, limit)


@dataclass(frozen=True)
class _Work:
    """Steps of one seed, texts that it reads in training and in all its evaluations, and rows of the test split."""

    steps: int
    trained: Load
    evaluated: Load
    test_rows: int


def limit(settings: Settings, visible: int) -> int:
    """Total of the resource ``gpu`` of all running jobs on a machine with ``visible`` GPUs."""
    requested = settings.switches.gpus
    if requested is not None:
        visible = max(visible, requested) if requested else 0
    return visible * settings.switches.jobs_per_gpu


@dataclass(frozen=True)
class Resources:
    """Needs of every training job of a study. ``gpus``: see `limit`; 0 means training on the CPU."""

    jobs: TrainingJobs
    gpus: int = 0

    def run(self, corpus: str, encoder: str, recipe: str, block: str) -> Needs:
        """Fine-tuning of a block of seeds, one after the other; blocks of as many seeds need the same."""
        seeds = len(ids.parse_block(block))
        key = (corpus, encoder, recipe, seeds, CorpusSizes(self.jobs).tokenised_at(corpus, encoder))
        if key not in self._runs:  # Snakemake asks for each resource of each job by itself
            self._runs[key] = self._run(corpus, encoder, recipe, seeds)
        return self._runs[key]

    @cached_property
    def _runs(self) -> dict[tuple[object, ...], Needs]:
        return {}

    def _run(self, corpus: str, encoder: str, recipe: str, seeds: int) -> Needs:
        whole, size = self.jobs.registry.recipe(recipe), self._size(encoder)
        work = self._work(corpus, encoder, whole)
        predictions = 2 * work.test_rows * (flops.FLOAT * (self._classes(corpus) or CLASSES) + PREDICTION_BYTES)
        if whole.classifier == "bilstm":
            return self._features(encoder, whole, seeds, work, seeds * predictions)
        operations = flops.finetune(size, work.trained, size.layers, whole.frozen)
        operations += flops.read(size, work.evaluated, size.layers)
        models = 2 * seeds * size.bytes if whole.save_model else 0  # in the state and in the results
        disk = STATES * size.state_bytes + models + seeds * predictions
        return self._needs(encoder, whole, operations=seeds * operations, steps=seeds * work.steps, disk=disk)

    def _features(self, encoder: str, recipe: Finetune, seeds: int, work: _Work, predictions: float) -> Needs:
        """BERT-Feat; assumes that all layers are computed, and each text again in each epoch."""
        size, load = self._size(encoder), work.trained.plus(work.evaluated)
        width = size.hidden * (len(layer_numbers(recipe.layers, size.layers)) if recipe.combine == "concat" else 1)
        lstm = flops.lstm(width, recipe.lstm, recipe.lstm_attention, load, trained=True) / flops.LSTM_SHARE
        operations = seeds * (flops.layers(size, load, size.layers) + lstm)
        cache = MB * self.jobs.registry.settings.study.cache_mb
        disk = cache + predictions
        return self._needs(encoder, recipe, operations=operations, steps=seeds * work.steps, disk=disk, most=1)

    def multitask(self, encoder: str) -> Needs:
        """Multi-task fine-tuning."""
        spec, size = self.jobs.multitask_spec(encoder), self._size(encoder)
        works = [self._work(corpus, encoder, spec.recipe) for corpus in spec.multitask.corpora]
        operations = sum(
            flops.finetune(size, work.trained, size.layers) + flops.read(size, work.evaluated, size.layers)
            for work in works
        )
        steps, disk = sum(work.steps for work in works), STATES * size.state_bytes + size.bytes
        return self._needs(encoder, spec.recipe, operations=operations, steps=steps, disk=disk)

    def pretrain(self, encoder: str) -> Needs:
        """Pre-training, with its intermediate checkpoints."""
        pretrain, size = self.jobs.registry.pretraining(encoder)[0], self._size(encoder)
        instances = pretrain.steps * pretrain.batch_size
        load = Load(instances, instances * pretrain.max_length, instances * pretrain.max_length**2)
        masked = min(pretrain.max_predictions, max(1, round(pretrain.masked_share * pretrain.max_length)))
        operations = flops.pretrain(size, load, load.sequences * masked)
        saved = 1 + 2 * len(self.jobs.saves.get(encoder, {}))  # in the state and in the results
        disk = STATES * size.state_bytes + saved * size.bytes
        # all other jobs wait for the base encoder, which may use the whole machine
        study = self.jobs.registry.settings.study
        threads = study.base_threads if encoder == study.base else study.threads
        return self._needs(encoder, pretrain, operations=operations, steps=pretrain.steps, disk=disk, threads=threads)

    def calibration(self) -> Needs:
        """Rule measure_speed: a minute with the study's base encoder."""
        base, recipe = self.jobs.registry.settings.study.base, self.jobs.registry.default
        return self._needs(base, recipe, operations=0, steps=0, disk=0, most=1)

    # ------------------------------------------------------------------------------------------ parts

    def _needs(
        self,
        encoder: str,
        trained: Finetune | Pretrain,
        *,
        operations: float,
        steps: int,
        disk: float,
        most: int | None = None,
        threads: int | None = None,
    ) -> Needs:
        """Needs of a job of ``operations`` in ``steps`` that writes ``disk`` bytes.

        ``most``: largest number of processes that the stage supports; ``threads``: of a process, default the study's.
        """
        size, devices = self._size(encoder), self._devices(encoder, most)
        ranks, kind = max(1, devices), "gpu" if devices else "cpu"
        threads = ranks * (threads or self.jobs.registry.settings.study.threads)
        memory = ranks * PROCESS_MB[kind] + (COPIES + RANK_COPIES * (ranks - 1)) * size.bytes / MB
        if ranks > 1:  # a further process starts the ranks
            memory += PROCESS_MB["cpu"]
        if not devices:
            memory += _activations(size, trained) / MB
        step_seconds = STEP_SECONDS * size.layers + UPDATE_SECONDS[kind] * size.parameters
        seconds = steps * step_seconds + operations / (OPERATIONS[kind] * (devices or threads))
        # a job of several GPUs takes whole GPUs, also where single-GPU jobs share them
        gpu = devices if devices < 2 else devices * self.jobs.registry.settings.switches.jobs_per_gpu
        return Needs(
            gpu, threads, math.ceil(memory), LOGS_MB + math.ceil(disk / MB), START + math.ceil(MARGIN * seconds / 60)
        )

    def _devices(self, encoder: str, most: int | None) -> int:
        """GPUs of a job: as its encoder declares or --config gpus gives, at most those of the limit."""
        switches = self.jobs.registry.settings.switches
        requested = self.jobs.registry.base(encoder).gpus if switches.gpus is None else switches.gpus
        available = math.ceil(self.gpus / switches.jobs_per_gpu)
        return min(requested, available, requested if most is None else most)

    def _size(self, encoder: str) -> Size:
        """Size of an encoder: of its folder, else from its declared shape, its name or its depth."""
        base = self.jobs.registry.base(encoder)
        if base.folder and (size := encoder_size.of_folder(Path(base.folder).expanduser())):
            return size
        if base.scratch is None:
            return flops.fetched(base.hub or base.package, base.depth)
        shape = base.scratch
        words = self.jobs.registry.settings.study.vocabularies[base.vocabulary].size or flops.VOCABULARY
        wide = round(shape.intermediate * base.kind.feed_forward)
        return Size(shape.layers, shape.hidden, wide, words, shape.positions)

    def _work(self, corpus: str, encoder: str, recipe: Finetune) -> _Work:
        """What one seed does on a corpus."""
        sizes = CorpusSizes(self.jobs)
        train, test = (sizes.split(corpus, split, encoder, recipe) for split in SPLITS)
        run = corpus_sizes.run_size(recipe, train.rows)
        example = train.load.times(1 / max(train.rows, 1))
        return _Work(
            steps=run.steps,
            trained=example.times(run.steps * recipe.batch_size),
            evaluated=test.load.plus(example.times(run.validated)).times(run.evaluations),
            test_rows=test.rows,
        )

    def _classes(self, corpus: str) -> int | None:
        return self.jobs.registry.corpus(corpus).classes


def _activations(size: Size, trained: Finetune | Pretrain) -> float:
    """Bytes kept for the backward pass of a batch: logits, and about 16 D + 4 I numbers per token and layer."""
    pieces, masked = 1, 0
    if isinstance(trained, Pretrain):
        masked = trained.max_predictions
    elif is_hierarchical(trained.truncation):
        pieces = trained.fractions
    tokens = trained.batch_size * pieces * trained.max_length
    layers = tokens * size.layers * (16 * size.hidden + 4 * size.intermediate)
    return flops.FLOAT * (layers + 3 * trained.batch_size * masked * size.vocabulary)
