"""Speed of this device: real steps of training and evaluation on random weights, in less than a minute.

The steps are those of `finetuning` and `pretraining`, with the study's base encoder, recipe and batch, on random words
in short texts (as TREC's) and long ones (as IMDb's): what a step costs beside its operations, and operations a second,
are those of the line through both. Where a batch would take too long (BERT-base on a CPU) it is made smaller, which
hardly changes the operations a second. On a GPU training is timed with CUDA graphs, if jobs use them, and kernel by
kernel without copies of weights, as jobs train that have neither.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.energy.energy_use import JOULES, Energy
from bertfit.experiments.summary_specs import CalibrationSpec
from bertfit.plan import device_speed, encoder_size, flops, job_cost, text_lengths
from bertfit.plan.device_speed import Calibration, DevicePower, PerStep, Prepare, Step, Timer, Timing
from bertfit.plan.flops import Load, Size
from bertfit.runtime import hardware
from bertfit.tokens.instance_file import Instance

if TYPE_CHECKING:
    from bertfit.training.train_step import StepOptions

log = logging.getLogger(__name__)

LONG, SHORT = 292.0, 10.0  # word pieces of the texts of IMDb and TREC (Table 1)
SHORTER = 8  # times, of a short pre-training instance
TEXTS = 250
BUDGET = 8.0  # seconds for each kind of step
STEPS = 100_000  # of the learning rate's schedule, whose end is not reached
Kind = Literal["finetune", "evaluate", "pretrain"]
Kinds = dict[Kind, tuple[int, Prepare]]
"""for each kind of step the documents of its batch, and the function that prepares one"""


def measure(spec: CalibrationSpec, budget: float = BUDGET) -> Calibration:
    """Time per step, operations a second, and seconds until a job trains: imports, and a model on the device.

    ``spec`` is that of `plan_jobs.PlanJobs.calibration_spec`.
    """
    began = time.monotonic()
    import torch

    from bertfit.model.bert import BertConfig
    from bertfit.model.bert_heads import PretrainingBert
    from bertfit.training import devices, run_record

    device = devices.prepare(spec.threads)
    size = encoder_size.of(spec.encoder, "base", log.info)
    model: Any = PretrainingBert(BertConfig.of(_shape(size), size.vocabulary))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.02)
    model.to(device)
    start = time.monotonic() - began
    cuda = device.type == "cuda"
    steps = _Steps(spec, size, model, device)
    timer = Timer(budget, torch.cuda.synchronize) if cuda else Timer(budget)
    with devices.measuring_energy(device) as meter:
        timed = time.monotonic()
        times = _time(steps.kinds, timer, also_plain=cuda and spec.cuda_graphs)
        energy, seconds = meter.read(), time.monotonic() - timed
    return Calibration(
        # the device of this process: on a cluster Snakemake runs on another machine
        device=torch.cuda.get_device_name(device) if cuda else hardware.processor(),
        device_type="cuda" if cuda else "cpu",
        threads=spec.threads,
        size=f"{size.layers} layers of {size.hidden}",
        batch_sizes=times.batch_sizes,
        operations_per_second=times.operations_per_second,
        step_seconds=times.step_seconds,
        step_seconds_without_graphs=times.step_seconds_without_graphs,
        start_seconds=start,
        versions=run_record.versions(device),
        power=_power(energy, seconds),
    )


def _power(energy: Energy, seconds: float) -> DevicePower | None:
    if energy.kwh is None:
        return None
    watts = energy.kwh * JOULES / seconds
    return DevicePower(watts=watts, source="while its speed was measured", estimated=energy.estimated)


@dataclass(frozen=True)
class _Times:
    """What was timed, as in a `Calibration`."""

    batch_sizes: PerStep[int]
    operations_per_second: PerStep[float]
    step_seconds: PerStep[float]
    step_seconds_without_graphs: PerStep[float] | None


def _time(kinds: Callable[[bool], Kinds], timer: Timer, *, also_plain: bool) -> _Times:
    """Time the steps ``kinds(False)``, and if ``also_plain`` those of training as ``kinds(True)``, kernel by kernel."""
    sizes: dict[str, int] = {}
    plain: dict[str, tuple[Timing, Timing]] = {}
    for kind, (largest, prepare) in kinds(True).items() if also_plain else ():
        if kind != "evaluate":  # which has no graphs
            sizes[kind] = timer.batch_size(prepare, largest)
            plain[kind] = timer.two_sizes(prepare, sizes[kind])
    rates: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for kind, (largest, prepare) in kinds(False).items():
        sizes[kind] = sizes.get(kind) or timer.batch_size(prepare, largest)
        cost = device_speed.fit(*timer.two_sizes(prepare, sizes[kind]))
        rates[kind], seconds[kind] = cost.operations_per_second, cost.step_seconds
        log.info(
            "%s: %.4g operations a second, %.4g s a step, batches of %d", kind, rates[kind], seconds[kind], sizes[kind]
        )
    without_graphs: PerStep[float] | None = None
    if also_plain:
        slower = {kind: device_speed.step_seconds(*timings, rates[kind]) for kind, timings in plain.items()}
        without_graphs = PerStep(**seconds | slower)
        log.info("a step without CUDA graphs: %s", ", ".join(f"{kind} {slower[kind]:.4g} s" for kind in slower))
    return _Times(PerStep(**sizes), PerStep(**rates), PerStep(**seconds), without_graphs)


class _Steps:
    """The steps of each kind, of one model."""

    def __init__(self, spec: CalibrationSpec, size: Size, model: Any, device: Any) -> None:
        from bertfit.stages import finetuning, pretraining

        changes = {"classifier": "linear", "save_model": False, "steps": STEPS, "fraction": 1.0, "examples": None}
        recipe = Finetune.model_validate({**spec.recipe.model_dump(), **changes, "validation": 0.0, "patience": None})
        pretrain = Pretrain.model_validate({**spec.pretrain.model_dump(), "steps": STEPS})
        self._size, self._device, self._recipe, self._pretrain = size, device, recipe, pretrain
        self._depth, self._spec = job_cost.depth(recipe, size), spec
        self._long, self._short = _corpus(size, LONG), _corpus(size, SHORT)
        words = _Words(pretrain, size)
        evaluated = finetuning.EvaluationSet(self._long, recipe, device, np.arange(1))
        self._finetuning = finetuning.FinetuningTask(recipe, 1, self._long, evaluated, model.bert, device)
        self._pretraining = pretraining.PretrainingTask(pretrain, 1, words, None, model, device)  # type: ignore[arg-type]

    def kinds(self, plain: bool) -> Kinds:
        """The kinds of steps; those of training as the switches say, or ``plain``: without graphs and copies.

        Plain ones have to be done before: copies stay.
        """
        from bertfit.batching import packing
        from bertfit.training.train_step import NONE, StepOptions

        graphs = self._spec.cuda_graphs and self._device.type == "cuda"
        options = NONE if plain else StepOptions(cuda_graphs=graphs, half_weights=self._spec.half_weights)
        texts = text_lengths.Lengths(np.diff(self._long.offsets).astype(np.float64), None, TEXTS, True)
        packed = packing.BATCH_TOKENS[self._device.type] * TEXTS / texts.load(self._recipe).tokens
        finetune = _training_step(self._finetuning, options)
        pretrain = _training_step(self._pretraining, options)
        return {
            "finetune": (self._recipe.batch_size, lambda count, short: self._finetune_step(finetune, count, short)),
            "evaluate": (max(1, min(TEXTS, int(packed))), self._evaluate_step),
            "pretrain": (self._pretrain.batch_size, lambda count, short: self._pretrain_step(pretrain, count, short)),
        }

    def _batch(self, count: int, short: bool) -> Any:
        from bertfit.batching import packing

        return packing.collate(self._short if short else self._long, _rows(count), self._recipe)

    def _finetune_step(self, train: Callable[[int, Any], None], count: int, short: bool) -> tuple[Step, float]:
        self._finetuning.model.train()
        operations = flops.finetune(self._size, _load(self._batch(count, short)), self._depth, self._recipe.frozen)
        return lambda number: train(number, self._batch(count, short)), operations  # packed in each step, as there

    def _evaluate_step(self, count: int, short: bool) -> tuple[Step, float]:
        import torch

        from bertfit.training import devices

        batch = self._batch(count, short)

        def step(number: int) -> None:
            with torch.inference_mode(), devices.precision(self._device):
                self._finetuning.model(batch).float().cpu()

        self._finetuning.model.eval()
        return step, flops.read(self._size, _load(batch), self._depth)

    def _pretrain_step(self, train: Callable[[int, Any], None], count: int, short: bool) -> tuple[Step, float]:
        from bertfit.batching import packing

        self._pretraining.model.train()
        words: Any = _Words(self._pretrain, self._size, SHORTER if short else 1)
        batch = packing.collate_masked(words, _rows(count))
        operations = flops.pretrain(self._size, _load(batch), len(batch.masked))
        return lambda number: train(number, packing.collate_masked(words, _rows(count))), operations


def _training_step(task: Any, options: StepOptions) -> Callable[[int, Any], None]:
    """The step of a training: (number, batch)."""
    from bertfit.training import train_step

    step = train_step.create(task, options)
    return lambda number, batch: task.record(step(number, batch)[1])


class _Words:
    """Pre-training instances of random words, all of the maximum length, or ``shorter`` times shorter."""

    def __init__(self, pretrain: Pretrain, size: Size, shorter: int = 1) -> None:
        self._length, self._vocabulary = max(8, pretrain.max_length // shorter), size.vocabulary
        self._masked = min(pretrain.max_predictions, max(1, round(pretrain.masked_share * self._length)))

    def __len__(self) -> int:
        return TEXTS

    def get(self, number: int) -> Instance:
        """The instance of a number."""
        ids = np.random.default_rng(number).integers(0, self._vocabulary, self._length)
        positions = np.arange(1, 1 + self._masked, dtype=np.int16)
        return Instance(ids, self._length // 2, bool(number % 2), positions, ids[1 : 1 + self._masked])


def _corpus(size: Size, average: float) -> Any:
    """Texts of random words, ``average`` on average, and two labels."""
    from bertfit.tokens.token_file import Tokens

    lengths = text_lengths.assumed(average, TEXTS).first
    counts = lengths[:: len(lengths) // TEXTS].astype(np.int32)
    np.random.default_rng(1).shuffle(counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = np.random.default_rng(2).integers(0, size.vocabulary, offsets[-1]).astype(np.int32)
    labels = (np.arange(TEXTS) % 2).astype(np.int32)
    return Tokens(values, offsets, None, None, labels, ["a", "b"], 0, 1, 2, 3, 4, size.vocabulary)


def _rows(count: int) -> Any:
    return np.arange(count) % TEXTS


def _load(batch: Any) -> Load:
    sizes = batch.lengths.astype(np.float64)
    return Load(len(sizes), float(sizes.sum()), float((sizes**2).sum()))


def _shape(size: Size) -> Shape:
    """A shape of this size, whose heads have the largest multiple of 8 up to 64 dimensions, or one head.

    Attention kernels need a head size that is a multiple of 8.
    """
    head = next((head for head in range(64, 0, -8) if size.hidden % head == 0), size.hidden)
    return Shape(
        layers=size.layers,
        hidden=size.hidden,
        heads=size.hidden // head,
        intermediate=size.intermediate,
        positions=size.positions,
    )
