"""What the training loop asks of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from bertfit.batching.packing import PackedRow
from bertfit.model.dropout import Noise
from bertfit.training.optimizer import BertAdam

B = TypeVar("B", bound=PackedRow)


class Task(Protocol[B]):
    """What is trained."""

    memory: dict[str, Any]
    """what else has to survive a kill, as JSON"""
    tensors: dict[str, Tensor]
    """likewise"""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    @property
    def model(self) -> nn.Module:
        """Whose parameters are saved."""
        ...

    @property
    def noise(self) -> Noise:
        """The model's dropout."""
        ...

    @property
    def optimizer(self) -> BertAdam:
        """Of the model's parameters."""
        ...

    @property
    def steps(self) -> int:
        """Updates."""
        ...

    @property
    def seed(self) -> int:
        """Of the dropout."""
        ...

    def batch(self, step: int) -> B:
        """The batch of ``step``, a pure function."""
        ...

    def loss(self, batch: B) -> Tensor:
        """A scalar to go down from: the mean loss of the batch, of a rank's part what it adds to that of the whole."""
        ...

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called when ``step`` updates are done, 0 and the last included: evaluates and remembers.

        Calls ``check`` before each piece of longer work, and changes ``memory`` and ``tensors`` only after the last
        call. Ranks make the same calls.
        """
        ...
