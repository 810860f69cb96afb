"""Hugging Face's `Trainer` on given batches, with its default optimiser (fused AdamW), timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments


class Clock(TrainerCallback):
    """Records when each step of a `Trainer` ended; at the steps ``waits`` (from 1) it waits for the GPU before."""

    def __init__(self, waits: Container[int] = ()) -> None:
        self.ends: list[float] = []
        self._waits = waits

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Called by the `Trainer`."""
        if len(self.ends) + 1 in self._waits:
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def seconds(
    model: Any, rows: Any, collate: Callable[..., Any], batch_size: int, lr: float, folder: Path,
    *, warmup: int = 1, cuda: bool = False, workers: int = 0,
) -> float:  # fmt: skip
    """Duration of the steps on ``rows`` in their order, without the first ``warmup`` steps.

    On a CPU, or with ``cuda`` on the GPU in bfloat16; ``workers`` are the processes that load and pad batches.
    """
    steps = len(rows) // batch_size
    clock = Clock(waits=(warmup, steps) if cuda else ())
    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=batch_size, learning_rate=lr,
        weight_decay=0.01, train_sampling_strategy="sequential", use_cpu=not cuda, bf16=cuda,
        remove_unused_columns=False, save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True,
        dataloader_pin_memory=cuda, dataloader_num_workers=workers,
    )  # fmt: skip
    trainer = Trainer(model, arguments, collate, train_dataset=rows, callbacks=[clock])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    assert len(clock.ends) == steps
    return clock.ends[-1] - clock.ends[warmup - 1]
