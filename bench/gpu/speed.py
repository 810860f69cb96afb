"""Speed of training steps beside Hugging Face's `Trainer`, and what a step consists of.

BERT-base's shape, dropout 0.1; on a GPU bfloat16, ours deterministic, `Trainer` with its own settings: sdpa attention,
batches grouped by length, loaded in its process or in four more. The sides take turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import torch

from bertfit.training import devices
from bertfit.training.train_step import StepOptions
from gpu import environment, step_profile, timing, training, workloads
from gpu.report import Report, Settings
from gpu.workloads import Measured, Workload

PAIRS, STEPS = 2, 30
TINY_SHAPE, SHAPE = "L2-H64", "L12-H768"
TINY_PRETRAIN = {"batch_size": 4, "max_length": 32, "max_predictions": 4}
PROFILES = ("imdb", "trec")
Side = Callable[[int], Measured]


def run(report: Report, settings: Settings) -> None:
    """Measure each workload: trainings of all sides, then the parts of a step."""
    device = devices.prepare(settings.threads)
    product, _ = environment.product_rate(device, settings.tiny)
    report.put(product_flops=product, runs=[], comparisons=[], steps=[])
    with tempfile.TemporaryDirectory() as temporary:
        for workload in chosen(settings.tiny, Path(temporary)):
            compare(report, workload, product, settings)
            profile(report, workload, settings)


def chosen(tiny: bool, folder: Path, profiles: Sequence[str] = PROFILES) -> Iterator[Workload]:
    """Fine-tuning on each of ``profiles``, then pre-training; each is made when it is its turn."""
    shape, steps = (TINY_SHAPE, 2) if tiny else (SHAPE, STEPS)
    for profile in profiles:
        yield workloads.FineTuning(profile, shape, steps, folder)
    yield workloads.PreTraining(shape, steps, folder, **TINY_PRETRAIN if tiny else {})


def compare(report: Report, workload: Workload, product: float, settings: Settings) -> None:
    """Tokens a second of all sides, in turns; a side that fails costs the others nothing."""
    ours: dict[str, Side] = {
        f"ours ({name})": partial(workload.ours, options) for name, options in training.variants(settings).items()
    }
    theirs: dict[str, Side] = {
        f"Trainer ({workers} loading processes)": _freely(partial(workload.theirs, workers))
        for workers in ((0, workloads.WORKERS) if workload.device.type == "cuda" else (0,))
        if find_spec("accelerate")
    }
    if not theirs:
        report.say(f"{workload.name}: without Trainer, which needs the package accelerate")
    sides = ours | theirs

    def measured(name: str, pair: int) -> Measured | None:
        timing.free_memory()
        done = report.attempt(f"{workload.name}, {name}", partial(sides[name], pair))
        if done:
            _tell(report, workload, name, pair, done, product)
        return done

    turns = list(measure.turns(1 if settings.tiny else PAIRS, *(partial(measured, name) for name in sides)))
    by_side = dict(zip(sides, zip(*turns, strict=True), strict=True))
    records = [
        measure.compare(f"{workload.name}: {our} / {their}", "tokens/s", None, speeds)
        for our in ours
        for their in theirs
        if (speeds := _speeds(by_side[our], by_side[their]))
    ]
    for record in records:
        report.append("comparisons", record)
    if records:
        report.say(measure.table(records))


def profile(report: Report, workload: Workload, settings: Settings) -> None:
    """Figures of a step, for each variant of ours and for `Trainer`'s model."""
    for name, options in training.variants(settings).items():
        step = report.attempt(f"{workload.name}: ours ({name})", partial(_our_step, workload, options))
        if step:
            _describe(report, f"{workload.name}: ours ({name})", step)
    step = report.attempt(f"{workload.name}: Trainer's model", workload.their_step)
    if step:
        with _not_deterministic():
            _describe(report, f"{workload.name}: Trainer's model, padded", step)


def _our_step(workload: Workload, options: StepOptions) -> workloads.Step:
    task, batch = workload.our_step()
    return partial(training.step_function(task, options), 0, batch)


def _describe(report: Report, name: str, step: workloads.Step) -> None:
    figures = report.attempt(name, partial(step_profile.measured, step))
    if figures is None:
        return
    waits = report.attempt(name, partial(step_profile.waits, step))
    report.append("steps", {"name": name, **figures, "waits": waits})
    shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items() if isinstance(value, float))
    waiting = "" if waits is None else f"; the host waits: {waits or 'nowhere'}"
    report.say(f"a step of {name}: {shown}{waiting}")


def _tell(report: Report, workload: Workload, side: str, pair: int, done: Measured, product: float) -> None:
    steps, speed, flops = len(done.batch_tokens), done.tokens / done.seconds, done.operations / done.seconds
    entry = {
        "workload": workload.name,
        "side": side,
        "pair": pair,
        "steps": steps,
        "tokens": done.tokens,
        "batch_tokens": done.batch_tokens,
        "tokens_per_second": speed,
        "ms_per_step": 1e3 * done.seconds / steps,
        "host_ms_per_step": None if done.host_seconds is None else 1e3 * done.host_seconds / steps,
        "flops": flops,
        "of_product": flops / product,
        "peak_memory_bytes": timing.peak_memory(),
    }
    report.append("runs", entry)
    report.say(
        f"{workload.name}, {side}: {speed:,.0f} tokens/s, {1e3 * done.seconds / steps:.1f} ms a step, "
        f"{flops / 1e12:.3g} TFLOP/s, {flops / product:.1%} of a plain product"
    )


def _speeds(ours: tuple[Measured | None, ...], theirs: tuple[Measured | None, ...]) -> list[tuple[float, float]]:
    pairs = zip(ours, theirs, strict=True)
    return [(our.tokens / our.seconds, their.tokens / their.seconds) for our, their in pairs if our and their]


def _freely(side: Side) -> Side:
    """A side without deterministic kernels, which only ours promises."""

    def measured(pair: int) -> Measured:
        with _not_deterministic():
            return side(pair)

    return measured


@contextmanager
def _not_deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
