"""What a task of the tests need not say."""

from __future__ import annotations

from typing import Any

import torch


class PlainTask:
    """On the CPU, reads its batches as they are."""

    device = torch.device("cpu")
    can_be_padded = False

    def inputs(self, batch: Any) -> Any:
        """The batch."""
        return batch
