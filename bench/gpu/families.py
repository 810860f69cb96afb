"""Encoders of other families than BERT: the same bits twice, where the host waits, and what CUDA graphs would give.

In the workflow their steps are launched kernel by kernel. Here those of families without padding are CUDA graphs, too:
beside the time of a step, whether a graph has the bits of its kernels launched one by one, which is told and no
condition. Weights are random, the shape is that of BERT-base, the lengths are TREC's. Graphs come last: an error while
one is recorded may harm what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import finetuning  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
from transformers import AutoModel

import lengths
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face.transformers_encoder import TransformersEncoder, attention_of
from bertfit.training import devices
from bertfit.training.train_step import EagerStep, GraphedStep, Replay
from gpu import speed, step_profile, timing, training
from gpu.report import Report, Settings
from helpers import small_encoders

STEPS, TINY_STEPS = 10, 2  # of an epoch, of which the second counts
SAME_MODULES = {"camembert": "roberta", "xlm-roberta": "roberta"}
NAMES = [name for name in small_encoders.OTHERS if name not in SAME_MODULES]
SIZES: dict[str, dict[str, int]] = {
    "albert": {"embedding_size": 128},
    "electra": {"embedding_size": 768},
    "modernbert": {"local_attention": 128},
    "deberta-v2": {"position_buckets": 256},
}
"""What published encoders of BERT-base's shape have in place of the values of `small_encoders`."""


class Trained(NamedTuple):
    """A classifier after two epochs."""

    digest: str
    ms_per_step: float
    """of the second epoch"""
    waits: dict[str, int] | None
    """place in the code -> how often the host waits there in a step; None on a CPU"""


def run(report: Report, settings: Settings) -> None:
    """Every family kernel by kernel, then those without padding as graphs, on a GPU."""
    device = devices.prepare(settings.threads)
    report.put(steps=[])
    for name in NAMES:
        report.attempt(name, partial(_kernel_by_kernel, report, settings, name))
    packed = [name for name in NAMES if FAMILIES[name].way == "packed"]
    for name in packed if device.type == "cuda" else ():
        try:
            _as_graphs(report, settings, name)
        except Exception as error:  # no failure of the check: the workflow does not use these graphs
            report.say(f"{name}, CUDA graphs: {type(error).__name__}: {error}")


def _kernel_by_kernel(report: Report, settings: Settings, name: str) -> None:
    once, again = (trained(name, EagerStep, settings.tiny) for _ in range(2))
    _tell(report, name, "kernel by kernel, twice", once, again)
    if once.digest != again.digest:
        report.fail(f"{name}: other weights the second time")


def _as_graphs(report: Report, settings: Settings, name: str) -> None:
    graphs, kernels = (trained(name, step, settings.tiny) for step in (GraphedStep, launched))
    _tell(report, name, "CUDA graphs, and their kernels one by one", graphs, kernels)


def _tell(report: Report, name: str, way: str, one: Trained, other: Trained) -> None:
    same = one.digest == other.digest
    entry = {"family": name, "way": way, "same_bits": same, "ms_per_step": one.ms_per_step, "waits": one.waits}
    report.append("steps", entry)
    waiting = "" if one.waits is None else f"; the host waits: {one.waits or 'nowhere'}"
    report.say(f"{name}, {way}: {'the same' if same else 'other'} weights, {one.ms_per_step:.3g} ms a step{waiting}")


def trained(name: str, make_step: Callable[[Any], Any], tiny: bool) -> Trained:
    """Train a classifier on a family's encoder for two epochs of the same batches.

    Raises RuntimeError where its weights are no numbers afterwards.
    """
    steps = TINY_STEPS if tiny else STEPS
    timing.free_memory()
    task: Any = training.classifier(_encoder(name, tiny), 2 * steps, lr=1e-4)
    task.model.train()
    step, batches = make_step(task), [task.batch(number) for number in range(steps)]

    def update(number: int) -> None:
        task.record(step(number, batches[number % steps])[1])

    for number in range(steps):
        update(number)
    began = timing.now()
    for number in range(steps, 2 * steps):
        update(number)
    seconds = timing.now() - began
    if not all(weight.isfinite().all() for weight in task.model.parameters()):
        raise RuntimeError("weights are not finite")
    return Trained(training.digest(task), 1e3 * seconds / steps, step_profile.waits(partial(update, 0)))


def launched(task: Any) -> GraphedStep[Any]:
    """The steps of graphs, whose kernels are launched one by one."""

    def record(step: Replay, warm_up: Callable[[], None]) -> Replay:
        warm_up()
        return step

    return GraphedStep(task, record)


@lru_cache(maxsize=1)  # classifiers copy it
def _encoder(name: str, tiny: bool) -> TransformersEncoder:
    """With random weights, which are the same at each call."""
    shape = finetuning.ENCODERS[speed.TINY_SHAPE if tiny else speed.SHAPE]
    sizes: dict[str, Any] = {
        "vocab_size": lengths.PIECES,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": 514,
        "initializer_range": 0.02,
    }
    sizes |= {} if tiny else SIZES.get(name, {})
    module = small_encoders.model(name, AutoModel, attention=attention_of(FAMILIES[name]), **sizes)
    return TransformersEncoder(module, FAMILIES[name])
