"""One training on several GPUs: its weights beside those of one GPU, the same bits twice, and its speed.

Gradients are summed in another order than on one GPU. So the weights of both are compared with those of a training in
float32 on one: several GPUs may be at most three times as far from it as one. Skipped where there is one GPU.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import bertfit  # noqa: F401  before torch: sets how threads of OpenMP wait

# isort: split
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bertfit.core.files import read_json, write_json
from bertfit.training import devices, distributed
from gpu import speed, timing, training
from gpu.report import Report, Settings

STEPS, TIMED_STEPS, WARMUP = 8, 60, 20
TINY_TIMED_STEPS, TINY_WARMUP = 4, 1
TOLERANCE = 1e-3  # of the distance from the first weights, where one device computes in float32 as well
NO_DROPOUT: dict[str, Any] = {"dropout": 0.0, "attention_dropout": 0.0}  # whose draws depend on the number of GPUs


def run(report: Report, settings: Settings) -> None:
    """Train on one GPU and on all; on a CPU in two processes if ``tiny``."""
    logging.basicConfig(level=logging.WARNING)
    count = 2 if settings.tiny else torch.cuda.device_count()
    if count < 2:
        return report.skip(f"{count or 'no'} GPU")
    with tempfile.TemporaryDirectory() as folder:
        report.attempt("weights", partial(_weights, report, settings, count, Path(folder)))
        report.attempt("speed", partial(_speed, report, settings, count, Path(folder)))
    return None


def _weights(report: Report, settings: Settings, count: int, folder: Path) -> None:
    shape = speed.TINY_SHAPE if settings.tiny else speed.SHAPE
    found: dict[str, dict[str, Tensor]] = {}
    ways = {"exact": (1, True), "one": (1, False), "several": (count, False), "again": (count, False)}
    for name, (processes, float32) in ways.items():
        out = folder / name
        timing.free_memory()  # of this process, which trains on the first GPU, too
        distributed.run(train, processes=processes, shape=shape, out=out, threads=settings.threads, float32=float32)
        found[name] = load_file(out)
    start = {
        name: weight.detach().cpu() for name, weight in training.classifier(shape, STEPS).model.state_dict().items()
    }
    moved, plain, ours = (_distance(found["exact"], other) for other in (start, found["one"], found["several"]))
    same = all(torch.equal(weight, found["again"][name]) for name, weight in found["several"].items())
    limit = max(3 * plain, TOLERANCE * moved)
    report.put(gpus=count, moved=moved, distance_of_one=plain, distance_of_several=ours, limit=limit, same_bits=same)
    report.say(
        f"weights of {_processes(count)} after {STEPS} steps: {ours:.3g} from those in float32 (of one process "
        f"{plain:.3g}, of the first weights {moved:.3g}); twice: {'the same bits' if same else 'other bits'}"
    )
    if ours > limit:
        report.fail(f"the distance is above {limit:.3g}")
    if not same:
        report.fail(f"{_processes(count)} do not end with the same bits twice")


def _speed(report: Report, settings: Settings, count: int, folder: Path) -> None:
    alone = 0.0
    for processes in (1, count):
        out = folder / f"speed{processes}.json"
        timing.free_memory()
        distributed.run(time_steps, processes=processes, tiny=settings.tiny, out=out, threads=settings.threads)
        tokens_per_second = read_json(out)["tokens_per_second"]
        alone = alone or tokens_per_second
        report.append("speeds", {"gpus": processes, "tokens_per_second": tokens_per_second})
        report.say(
            f"fine-tuning, imdb lengths, {_processes(processes)}, kernel by kernel: {tokens_per_second:,.0f} tokens/s, "
            f"{tokens_per_second / alone:.2f} times that of one"
        )


def train(shape: str, out: Path, threads: int, *, float32: bool) -> None:
    """In each rank: train a classifier without dropout; rank 0 writes its weights."""
    devices.prepare(threads)
    task = training.classifier(shape, STEPS, lr=1e-4, **NO_DROPOUT)
    precise = mock.patch.object(devices, "precision", _float32) if float32 else nullcontext()
    with precise:
        training.trained(task, out.with_suffix(".state"), training.OPTIONS["eager"])
    if distributed.rank() == 0:
        save_file({name: weight.cpu() for name, weight in task.model.state_dict().items()}, out)


def time_steps(tiny: bool, out: Path, threads: int) -> None:
    """In each rank: train a classifier on IMDb's lengths, kernel by kernel as ranks do; rank 0 writes the speed."""
    devices.prepare(threads)
    shape, steps, warmup = (
        (speed.TINY_SHAPE, TINY_TIMED_STEPS, TINY_WARMUP) if tiny else (speed.SHAPE, TIMED_STEPS, WARMUP)
    )
    task: Any = training.classifier(shape, steps, "imdb")
    done = training.timed(task, out.with_suffix(".state"), training.OPTIONS["eager"], warmup=warmup)
    if distributed.rank() == 0:
        write_json(out, {"tokens_per_second": done.tokens / done.seconds})


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"


def _float32(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, enabled=False)


def _distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The norm of the difference of all weights."""
    return float(sum((weight - other[name]).double().square().sum() for name, weight in one.items()) ** 0.5)
