"""Hugging Face's `Trainer` on given batches, with its default optimiser (fused AdamW), timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments


class Clock(TrainerCallback):
    """Records when each step of a `Trainer` ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Called by the `Trainer`."""
        self.ends.append(time.perf_counter())


def seconds(model: Any, rows: Any, collate: Callable[..., Any], batch_size: int, lr: float, folder: Path) -> float:
    """Duration of the steps on ``rows`` in their order, without the first step."""
    clock = Clock()
    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=batch_size, learning_rate=lr,
        weight_decay=0.01, train_sampling_strategy="sequential", use_cpu=True, remove_unused_columns=False,
        save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(model, arguments, collate, train_dataset=rows, callbacks=[clock])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    assert len(clock.ends) == len(rows) // batch_size
    return clock.ends[-1] - clock.ends[0]
