"""The interface between the training loop and a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from bertfit.batching.packing import PackedRow
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
        """Number of updates."""
        ...

    @property
    def seed(self) -> int:
        """Of the dropout."""
        ...

    def batch(self, step: int) -> B:
        """The batch of ``step``, a pure function."""
        ...

    def loss(self, batch: B) -> Tensor:
        """The scalar to minimise: the mean loss of the batch, or what a rank's part of it adds to that mean."""
        ...

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called after ``step`` updates, from 0 to the last: may evaluate, and record results.

        Calls ``check`` before each part of longer work, and changes ``memory`` and ``tensors`` only after the last
        such call. All ranks make the same calls.
        """
        ...
