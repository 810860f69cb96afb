"""The interface between the training loop and a task, and what either raises when training diverges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import RowInputs
from bertfit.batching.packing import PackedRow
from bertfit.core.errors import UserError
from bertfit.model.dropout import Noise
from bertfit.training.optimizer import BertAdam

B = TypeVar("B", bound=PackedRow)


class Task(Protocol[B]):
    """A training as the loop sees it: batches, a loss, an optimiser, evaluations."""

    memory: dict[str, Any]
    """What a checkpoint holds besides weights, moments and step, as JSON."""
    tensors: dict[str, Tensor]
    """The same, for tensors."""

    @property
    def name(self) -> str:
        """Of log lines."""
        ...

    @property
    def model(self) -> nn.Module:
        """The module whose parameters a checkpoint holds."""
        ...

    @property
    def noise(self) -> Noise:
        """The dropout of the model."""
        ...

    @property
    def optimizer(self) -> BertAdam:
        """Updates the parameters of the model."""
        ...

    @property
    def steps(self) -> int:
        """Number of updates; `reached` may lower it to the number of those that are done, which ends the training."""
        ...

    @property
    def seed(self) -> int:
        """Of the dropout."""
        ...

    def batch(self, step: int) -> B:
        """The batch of ``step``, a pure function."""
        ...

    @property
    def device(self) -> torch.device:
        """Of the model."""
        ...

    @property
    def can_be_padded(self) -> bool:
        """Whether `padded` brings batches to common sizes, and `loss` never waits for the device."""
        ...

    def inputs(self, batch: B) -> Any:
        """What `loss` reads of a batch, on the device."""
        ...

    def padded(self, batch: B) -> RowInputs[Array]:
        """The same on the host, in one of a few common sizes, for the same loss. See `model_inputs`."""
        ...

    def loss(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """The scalar to minimise, the mean loss of the batch or what a rank's part of it adds to that mean; and what
        `record` needs of it. It changes nothing, so that it can be repeated.
        """
        ...

    def record(self, sums: Tensor) -> None:
        """Record a batch that was trained on, from the second result of `loss`."""
        ...

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called after ``step`` updates, from 0 to the last: may evaluate, and record results.

        Calls ``check`` before each part of longer work, and changes ``memory`` and ``tensors`` only after the last
        such call. All ranks make the same calls. Raises `DivergedError` where an evaluation is not finite.
        """
        ...


class DivergedError(UserError):
    """Training diverged: ``what`` is not finite at update ``step``, counted from 1."""

    def __init__(self, task: Task[Any], what: str, step: int) -> None:
        super().__init__(
            f"{task.name}: {what} at step {step} of {task.steps} (learning rate {task.optimizer.lr(step - 1):.3g}); "
            "training diverged: lower `lr` or raise `warmup`"
        )
        self.step = step
