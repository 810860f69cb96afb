"""Steps of tasks as CUDA graphs compute them, on a CPU: a recorded function is called again in place of a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bertfit.attention import packed_attention
from bertfit.training.train_step import EagerStep, GraphedStep


class Recorder:
    """Counts recordings; a replay computes the function again, as a graph repeats its kernels."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, step: Callable, warm_up: Callable) -> Callable:
        """What stands for `CudaGraphs`."""
        warm_up()
        self.recorded += 1

        def replay() -> Any:
            self.replayed += 1
            return step()

        return replay


def read_boundaries_alone(patch: pytest.MonkeyPatch) -> None:
    """As CUDA's kernels do, read the documents' lengths from the device: a graph has those of its first batch."""
    of = packed_attention.Packing

    def packing(lengths, boundaries, longest):
        return of(boundaries.diff().tolist(), boundaries, longest)

    patch.setattr(packed_attention, "Packing", packing)


def trained(task: Any, step: EagerStep | GraphedStep, steps: int = 5) -> list[tuple[float, list[float]]]:
    """Loss and recorded sums of each of the first steps."""
    task.model.train()
    results = []
    for number in range(steps):
        loss, sums = step(number, task.batch(number))
        results.append((float(loss), sums.flatten().tolist()))
    return results


def assert_near(task: Any, other: Any, *, ignored: str, atol: float) -> None:
    """The same weights up to rounding.

    ``ignored`` ends the names of biases of keys, which softmax ignores: their gradients are rounding alone, which Adam
    makes large.
    """
    for (name, weight), expected in zip(task.model.named_parameters(), other.model.parameters(), strict=True):
        bound = 1e-4 if ignored and name.endswith(ignored) else atol
        torch.testing.assert_close(weight, expected, rtol=0, atol=bound, msg=lambda text, name=name: f"{name}: {text}")
