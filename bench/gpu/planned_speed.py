"""The speed that ``snakemake plan`` measures on this device, and whether it predicts the time of trainings.

`measure_speed`, as rule measure_speed runs it for BERT-base; then trainings on texts of short, middle and long lengths
and a pre-training, each beside steps x time per step + operations / rate, by which the plan counts.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import finetuning  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import lengths
from bertfit.config.hyperparameters import Pretrain
from bertfit.experiments.summary_specs import CalibrationSpec, PlannedEncoder
from bertfit.plan import measure_speed
from bertfit.plan.device_speed import Calibration
from bertfit.training import devices
from gpu import speed, timing, training
from gpu.report import Report, Settings
from gpu.workloads import Measured, Workload

PROFILES = ("trec", "ag", "imdb")
FACTOR = 1.5  # by which a training may take longer or shorter than the plan says
WITH_GRAPHS, WITHOUT = "half_weights", "eager"
"""variants of a step, of which the plan has times: with CUDA graphs and copies of weights, and with neither"""


def run(report: Report, settings: Settings) -> None:
    """Measure as the plan does, then compare its predictions."""
    device = devices.prepare(settings.threads)
    calibration = measure_speed.measure(_spec(settings), budget=0.1 if settings.tiny else measure_speed.BUDGET)
    report.put(calibration=calibration.model_dump(), predictions=[])
    _say(report, calibration)
    with tempfile.TemporaryDirectory() as folder:
        for workload in speed.chosen(settings.tiny, Path(folder), PROFILES):
            for variant in (WITH_GRAPHS, WITHOUT) if device.type == "cuda" else (WITHOUT,):
                name = f"{workload.name}, {variant}"
                timing.free_memory()
                done = report.attempt(name, partial(workload.ours, training.OPTIONS[variant], 0))
                if done:
                    _compare(report, name, done, predicted(calibration, workload, done, variant), settings.tiny)


def predicted(calibration: Calibration, workload: Workload, done: Measured, variant: str) -> float:
    """Seconds of the steps of ``done``, by the plan's formula."""
    per_step = calibration.step_seconds
    if variant == WITHOUT and calibration.step_seconds_without_graphs is not None:
        per_step = calibration.step_seconds_without_graphs
    rate = getattr(calibration.operations_per_second, workload.kind)
    return len(done.batch_tokens) * getattr(per_step, workload.kind) + done.operations / rate


def _spec(settings: Settings) -> CalibrationSpec:
    """That of a study whose base encoder has the shape of the workloads."""
    shape = finetuning.ENCODERS[speed.TINY_SHAPE if settings.tiny else speed.SHAPE]
    encoder = PlannedEncoder(
        config="", shape=shape, hub=None, folder=None, package=None, layers=shape.layers, vocabulary=lengths.PIECES
    )
    return CalibrationSpec(
        encoder=encoder,
        recipe=finetuning.RECIPE,
        pretrain=Pretrain(**speed.TINY_PRETRAIN) if settings.tiny else Pretrain(),
        threads=settings.threads,
        cuda_graphs=True,
        half_weights=True,
        machine=[],
    )


def _say(report: Report, calibration: Calibration) -> None:
    graphs = calibration.step_seconds_without_graphs
    for kind, rate in calibration.operations_per_second.model_dump().items():
        without = "" if graphs is None else f", {1e3 * getattr(graphs, kind):.3g} ms without CUDA graphs"
        step = 1e3 * getattr(calibration.step_seconds, kind)
        report.say(f"{kind}: {step:.3g} ms a step{without}, and {rate / 1e12:.3g} TFLOP/s")
    power = calibration.power
    watts = "unknown" if power is None else f"{power.watts:.0f} W{', estimated' if power.estimated else ''}"
    report.say(f"power meanwhile: {watts}")


def _compare(report: Report, name: str, done: Measured, seconds: float, tiny: bool) -> None:
    steps = len(done.batch_tokens)
    planned, measured = 1e3 * seconds / steps, 1e3 * done.seconds / steps
    ratio = measured / planned
    report.append("predictions", {"name": name, "planned_ms": planned, "measured_ms": measured, "ratio": ratio})
    report.say(f"{name}: planned {planned:.3g} ms a step, measured {measured:.3g} ms, {ratio:.2f} times")
    if not tiny and not 1 / FACTOR <= ratio <= FACTOR:
        report.fail(f"{name}: took {ratio:.2f} times as long as planned; at most {FACTOR:g}, at least {1 / FACTOR:.2g}")
