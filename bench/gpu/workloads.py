"""What the speed is measured on: fine-tuning on texts of real lengths, and pre-training, ours and `Trainer`'s.

Both sides have the same weights, dropout and learning rate. Each trains on its sampled batches twice: the first time
kernels are loaded, memory is taken and graphs are captured; the second time counts. Only real tokens count, and the
operations of `flops`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import finetuning  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import numpy as np
import torch
from transformers import BertTokenizer

import lengths
import pretraining
import trainer
from bertfit.batching import example_order
from bertfit.batching.example_order import Array
from bertfit.config.hyperparameters import Pretrain
from bertfit.plan import flops
from bertfit.plan.measure_speed import _Words
from bertfit.stages.pretraining import PretrainingTask
from bertfit.training import devices
from bertfit.training.train_step import StepOptions
from gpu import training
from helpers import tiny

WORKERS = 4  # processes that load data for `Trainer`
Step = Callable[[], Any]


class Measured(NamedTuple):
    """One training of one side."""

    seconds: float
    host_seconds: float | None
    batch_tokens: list[int]
    """real tokens of each batch that counts"""
    tokens: int
    """their sum; ours is what the loop counted"""
    operations: float


class Workload(ABC):
    """A model and its batches, for both sides."""

    name: str
    kind: Literal["finetune", "pretrain"]
    steps: int
    """that count, of each side"""

    def __init__(self, shape: str, folder: Path) -> None:
        self.device = devices.default_device()
        self.shape, self.folder = finetuning.ENCODERS[shape], folder
        layers, hidden, intermediate = self.shape.layers, self.shape.hidden, self.shape.intermediate
        self.size = flops.Size(layers, hidden, intermediate, lengths.PIECES, self.shape.positions)

    @abstractmethod
    def ours(self, options: StepOptions, pair: int) -> Measured:
        """Train in our loop."""

    @abstractmethod
    def theirs(self, workers: int, pair: int) -> Measured:
        """Train with `Trainer`; ``workers`` are the processes that load data."""

    @abstractmethod
    def our_step(self) -> tuple[Any, Any]:
        """A task in training, and a batch of middle size."""

    @abstractmethod
    def their_batch(self) -> tuple[Any, dict[str, Any]]:
        """Hugging Face's model, and a padded batch of middle size, on the device."""

    def their_step(self) -> Step:
        """A function that does a step as `Trainer` does, on a padded batch of middle size that is on the device."""
        model, batch = self.their_batch()
        model.train()
        adam = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01, fused=True)

        def step() -> None:
            with devices.precision(self.device):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            adam.zero_grad()

        return step

    def _on_device(self, batch: Any) -> dict[str, Any]:
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


class FineTuning(Workload):
    """Batches of 24 texts (`finetuning.RECIPE`) whose lengths are distributed like a corpus's."""

    kind = "finetune"

    def __init__(self, profile: str, shape: str, steps: int, folder: Path) -> None:
        super().__init__(shape, folder)
        self.name, self.steps = f"fine-tuning, {profile} lengths", steps
        data = lengths.corpus(profile, finetuning.TEXTS[profile])
        tokenizer = BertTokenizer.from_pretrained(tiny.vocabulary(folder / "words"))  # only pads
        self.inputs = finetuning.Inputs(profile, shape, data, tokenizer, folder)

    def ours(self, options: StepOptions, pair: int) -> Measured:
        """In our order: the batches of an epoch at random."""
        chosen = finetuning.our_batches(self.inputs, pair, self.steps)
        task = self._task([*chosen, *chosen])
        done = training.timed(task, self.folder / "state", options, warmup=self.steps)
        return self._measured(done.seconds, done.host_seconds, chosen, done.tokens)

    def theirs(self, workers: int, pair: int) -> Measured:
        """Grouped by length, as `LengthGroupedSampler` does."""
        chosen = finetuning.their_batches(self.inputs, "group", pair, self.steps)
        seconds = trainer.seconds(
            finetuning.same_weights(self.inputs)[1],
            finetuning.rows(self.inputs, [*chosen, *chosen]),
            finetuning.collator(self.inputs, "group"),
            finetuning.RECIPE.batch_size,
            finetuning.RECIPE.lr,
            self.folder / "trainer",
            warmup=self.steps,
            cuda=self.device.type == "cuda",
            workers=workers,
        )
        return self._measured(seconds, None, chosen)

    def our_step(self) -> tuple[Any, Any]:
        """The median of the sampled batches."""
        task = self._task(finetuning.our_batches(self.inputs, 0, 1) * 2)
        task.model.train()
        return task, task.batch(0)

    def their_batch(self) -> tuple[Any, dict[str, Any]]:
        """The median of the sampled batches."""
        rows = finetuning.rows(self.inputs, finetuning.their_batches(self.inputs, "group", 0, 1))
        batch = finetuning.collator(self.inputs, "group")(rows)
        model: Any = finetuning.same_weights(self.inputs)[1]
        return model.to(self.device), self._on_device(batch)

    def _task(self, chosen: Sequence[Array]) -> finetuning.Timed:
        return finetuning.Timed(self.inputs, finetuning.same_weights(self.inputs)[0], chosen, self.device)

    def _measured(
        self, seconds: float, host: float | None, chosen: Sequence[Array], tokens: int | None = None
    ) -> Measured:
        batches = [self.inputs.sizes[rows] for rows in chosen]
        sizes = np.concatenate(batches).astype(float)
        load = flops.Load(len(sizes), sizes.sum(), (sizes**2).sum())
        operations = flops.finetune(self.size, load, self.shape.layers)
        counts = [int(batch.sum()) for batch in batches]
        return Measured(seconds, host, counts, sum(counts) if tokens is None else tokens, operations)


class PreTraining(Workload):
    """Batches of instances that all have the maximum length, 32 of 128 tokens by default."""

    kind = "pretrain"

    def __init__(self, shape: str, steps: int, folder: Path, **settings: int) -> None:
        super().__init__(shape, folder)
        self.steps, self.pretrain = steps, Pretrain(steps=2 * steps, **settings)
        self.name = f"pre-training {self.pretrain.batch_size} x {self.pretrain.max_length}"
        self.data: Any = _Words(self.pretrain, self.size)

    def ours(self, options: StepOptions, pair: int) -> Measured:
        """Packed, with the MLM head at masked words."""
        done = training.timed(self._task(pair), self.folder / "state", options, warmup=self.steps)
        return self._measured(done.seconds, done.host_seconds, pair, done.tokens)

    def theirs(self, workers: int, pair: int) -> Measured:
        """The same instances in the same order."""
        seconds = trainer.seconds(
            pretraining.same_weights(self.size.vocabulary, self.shape)[1],
            self._instances(pair, range(2 * self.steps)),
            pretraining.padded,
            self.pretrain.batch_size,
            self.pretrain.lr,
            self.folder / "trainer",
            warmup=self.steps,
            cuda=self.device.type == "cuda",
            workers=workers,
        )
        return self._measured(seconds, None, pair)

    def our_step(self) -> tuple[Any, Any]:
        """Any batch; all are of one size."""
        task = self._task(0)
        task.model.train()
        return task, task.batch(0)

    def their_batch(self) -> tuple[Any, dict[str, Any]]:
        """Any batch."""
        model: Any = pretraining.same_weights(self.size.vocabulary, self.shape)[1]
        return model.to(self.device), self._on_device(pretraining.padded(self._instances(0, range(1))))

    def _task(self, seed: int) -> PretrainingTask:
        model = pretraining.same_weights(self.size.vocabulary, self.shape)[0]
        return PretrainingTask(self.pretrain, seed, self.data, None, model, self.device)

    def _instances(self, seed: int, steps: Sequence[int]) -> list[Any]:
        batch_size = self.pretrain.batch_size
        numbers = [example_order.stream(len(self.data), batch_size, seed, step) for step in steps]
        return [self.data.get(int(number)) for number in np.concatenate(numbers)]

    def _measured(self, seconds: float, host: float | None, pair: int, tokens: int | None = None) -> Measured:
        chosen = self._instances(pair, range(self.steps, 2 * self.steps))
        sizes = np.array([len(instance.ids) for instance in chosen], float)
        load = flops.Load(len(sizes), sizes.sum(), (sizes**2).sum())
        masked = sum(len(instance.positions) for instance in chosen)
        counts = sizes.reshape(self.steps, -1).sum(1).astype(int).tolist()
        operations = flops.pretrain(self.size, load, masked)
        return Measured(seconds, host, counts, sum(counts) if tokens is None else tokens, operations)
