"""`make equal` on this device, path by path: one that ends with an error costs the others nothing."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import equal  # before torch: imports bertfit, which sets how threads of OpenMP wait
import equal_inputs
from bertfit.training import devices
from equal_inputs import Difference
from gpu.report import Report, Settings


def run(report: Report, settings: Settings) -> None:
    """Compare all fast paths with their reference implementations."""
    device = devices.prepare(settings.threads)
    differences: list[Difference] = []

    def compare(name: str) -> None:
        found = list(equal.PATHS[name](inputs))
        differences.extend(found)
        report.put(differences=[equal.record(difference) for difference in differences])

    with tempfile.TemporaryDirectory() as folder:
        inputs = equal_inputs.make(Path(folder), device)
        for name in equal.PATHS:
            report.attempt(name, partial(compare, name))
    print(equal.table(differences, equal.device_name(device)))
    kept = sum(difference.ok for difference in differences)
    report.say(f"{kept} of {len(differences)} differences within their bounds on {equal.device_name(device)}")
    for difference in differences:
        if not difference.ok:
            report.fail(
                f"{difference.path}: {difference.quantity} {difference.difference:.2g}, bound {difference.bound:.2g}"
            )
