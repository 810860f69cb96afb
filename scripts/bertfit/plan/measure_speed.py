"""Speed of this device: real steps of training and evaluation on random weights, in half a minute.

The steps are those of `finetuning` and `pretraining`, with the study's base encoder, recipe and batch, on random words
in texts of lengths like IMDb's. Where a batch would take too long (BERT-base on a CPU) it is made smaller, which hardly
changes the operations a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Shape
from bertfit.experiments.summary_specs import CalibrationSpec
from bertfit.plan import flops, job_cost, text_lengths
from bertfit.plan.device_speed import Calibration, PerStep
from bertfit.plan.flops import Load, Size
from bertfit.runtime import hardware
from bertfit.tokens.instance_file import Instance

log = logging.getLogger(__name__)

AVERAGE = 292.0  # word pieces of IMDb's texts (Table 1)
TEXTS = 250
BUDGET = 8.0  # seconds for each of the three kinds of step
STEPS = 100_000  # of the learning rate's schedule, whose end is not reached
Step = Callable[[int, int], float]
"""(batch size, number of the step) -> operations of the step"""


def measure(spec: CalibrationSpec, budget: float = BUDGET) -> Calibration:
    """Operations a second, and seconds until a job trains: imports, and a model on the device.

    ``spec`` is that of `plan_jobs.PlanJobs.calibration_spec`.
    """
    began = time.monotonic()
    import torch
    from transformers.models.bert.modeling_bert import BertForPreTraining  # noqa: F401

    from bertfit.batching import packing
    from bertfit.model import hf_encoder
    from bertfit.stages import finetuning, pretraining
    from bertfit.training import devices

    device = devices.prepare(spec.threads)
    size = job_cost.size_of(spec.encoder, "base", log.info)
    model: Any = hf_encoder.scratch(_shape(size), size.vocabulary, seed=1)
    model.to(device)
    start = time.monotonic() - began
    changes = {"classifier": "linear", "save_model": False, "steps": STEPS, "fraction": 1.0, "examples": None}
    recipe = Finetune.model_validate({**spec.recipe.model_dump(), **changes, "validation": 0.0})
    pretrain = Pretrain.model_validate({**spec.pretrain.model_dump(), "steps": STEPS})
    corpus, words = _corpus(size), _Words(pretrain, size)
    depth = job_cost.depth(recipe, size)

    evaluated = finetuning.EvaluationSet(corpus, recipe, device, np.arange(1))
    finetuning_task = finetuning.FinetuningTask(recipe, 1, corpus, evaluated, model.bert, device)
    pretraining_task = pretraining.PretrainingTask(pretrain, 1, words, None, model, device)  # type: ignore[arg-type]

    def train(task: Any, batch: Any, number: int) -> None:
        task.noise.reseed(1, number)
        loss = task.loss(batch)
        loss.backward()
        task.optimizer.step(number)
        loss.item()

    def finetune_step(count: int, number: int) -> float:
        batch = packing.collate(corpus, _rows(count, number), recipe)
        train(finetuning_task, batch, number)
        return flops.finetune(size, _load(batch.lengths), depth, recipe.frozen)

    def evaluate_step(count: int, number: int) -> float:
        batch = packing.collate(corpus, _rows(count, number), recipe)
        with torch.inference_mode(), devices.precision(device):
            finetuning_task.model(batch).float().cpu()
        return flops.read(size, _load(batch.lengths), depth)

    def pretrain_step(count: int, number: int) -> float:
        batch = packing.collate_masked(words, _rows(count, number))  # type: ignore[arg-type]
        train(pretraining_task, batch, number)
        return flops.pretrain(size, _load(batch.lengths), len(batch.masked))

    texts = text_lengths.Lengths(np.diff(corpus.offsets).astype(np.float64), None, TEXTS, True)
    packed = packing.BATCH_TOKENS[device.type] * TEXTS / texts.load(recipe).tokens
    rates, sizes = {}, {}
    for name, step, batch_size in (
        ("finetune", finetune_step, recipe.batch_size),
        ("evaluate", evaluate_step, max(1, min(TEXTS, int(packed)))),
        ("pretrain", pretrain_step, pretrain.batch_size),
    ):
        finetuning_task.model.train(name != "evaluate")
        rates[name], sizes[name] = timed(step, batch_size, budget)
        log.info("%s: %.4g operations a second, batches of %d", name, rates[name], sizes[name])
    return Calibration(
        # the device of this process: on a cluster Snakemake runs on another machine
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else hardware.processor(),
        threads=spec.threads,
        size=f"{size.layers} layers of {size.hidden}",
        batch_sizes=PerStep(**sizes),
        operations_per_second=PerStep(**rates),
        start_seconds=start,
    )


def timed(step: Step, largest: int, budget: float, clock: Callable[[], float] = time.monotonic) -> tuple[float, int]:
    """Operations a second of ``step`` within ``budget`` seconds, and its batch size.

    That is ``largest``, or smaller if the budget would not be enough for five steps.
    """
    step(1, 0)  # the first step loads kernels
    began = clock()
    step(1, 1)
    size = max(1, min(largest, int(budget / 5 / max(clock() - began, 1e-9))))
    step(size, 2)
    done, number, began = 0.0, 3, clock()
    while number == 3 or clock() - began < 0.6 * budget:
        done += step(size, number)
        number += 1
    return done / (clock() - began), size


class _Words:
    """Pre-training instances of random words, all of the maximum length."""

    def __init__(self, pretrain: Pretrain, size: Size) -> None:
        self._length, self._vocabulary = pretrain.max_length, size.vocabulary
        self._masked = min(pretrain.max_predictions, max(1, round(pretrain.masked_share * pretrain.max_length)))

    def __len__(self) -> int:
        return TEXTS

    def get(self, number: int) -> Instance:
        """The instance of a number."""
        ids = np.random.default_rng(number).integers(0, self._vocabulary, self._length)
        positions = np.arange(1, 1 + self._masked, dtype=np.int16)
        return Instance(ids, self._length // 2, bool(number % 2), positions, ids[1 : 1 + self._masked])


def _corpus(size: Size) -> Any:
    """Texts of random words and two labels."""
    from bertfit.tokens.token_file import Tokens

    lengths = text_lengths.assumed(AVERAGE, TEXTS).first
    counts = lengths[:: len(lengths) // TEXTS].astype(np.int32)
    np.random.default_rng(1).shuffle(counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = np.random.default_rng(2).integers(0, size.vocabulary, offsets[-1]).astype(np.int32)
    labels = (np.arange(TEXTS) % 2).astype(np.int32)
    return Tokens(values, offsets, None, None, labels, ["a", "b"], 0, 1, 2, 3, 4, size.vocabulary)


def _rows(count: int, number: int) -> Any:
    return (np.arange(count) + number * count) % TEXTS


def _load(lengths: Any) -> Load:
    sizes = lengths.astype(np.float64)
    return Load(len(sizes), float(sizes.sum()), float((sizes**2).sum()))


def _shape(size: Size) -> Shape:
    heads = max(1, size.hidden // 64)
    return Shape(
        layers=size.layers, hidden=size.hidden, heads=heads, intermediate=size.intermediate, positions=size.positions
    )
