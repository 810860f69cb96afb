"""Whole runs and parts around the model against reference implementations, most of them bit-identical."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from bertfit.config.hyperparameters import Finetune
from bertfit.model import bilstm
from bertfit.stages import feature_cache, finetuning
from bertfit.stages.evaluate import EvaluationSet
from bertfit.tokens.truncation import truncate
from bertfit.training import loop, optimizer
from bertfit.training.schedules import Schedule
from equal_inputs import PLAIN, ROUNDING, Difference, Differences, Inputs, compare
from helpers import reference, tiny

UPDATES = 50
RUN = Finetune(max_length=48, head_tokens=12, lr=1e-3, batch_size=8, steps=10)  # with dropout
CACHED_BFLOAT16 = 2**-7  # share: cached states are bfloat16 on CUDA, where the last bit depends on the batch


def adam(inputs: Inputs) -> Differences:
    """The fused optimiser against the official formulas in float64, with the same gradients."""
    for clip in ("tensor", "global"):
        model, batch = inputs.classifier(PLAIN), inputs.batch(PLAIN)
        schedule = Schedule(UPDATES, 0.1)
        groups = optimizer.param_groups(model, lr=1e-3, weight_decay=0.01)
        fused = optimizer.BertAdam(groups, schedule, clip=clip, max_norm=1.0)
        decays = {name: group.weight_decay for group in groups for name in group.parameters}
        weights = {name: weight.detach().double() for name, weight in model.named_parameters()}
        plain = {name: reference.BertAdam(weight) for name, weight in weights.items()}
        for step in range(UPDATES):
            functional.cross_entropy(model(batch), inputs.labels(batch)).backward()
            gradients = {name: gradient.double() for name, gradient in reference.by_name(model).items()}
            fused.step(step)
            whole = torch.cat([gradient.flatten() for gradient in gradients.values()]).norm()
            for name, gradient in gradients.items():
                scale = reference.clip_scale(whole if clip == "global" else gradient.norm(), 1.0)
                lr = 1e-3 * schedule.factor(step)
                weights[name] = plain[name].step(weights[name], gradient, lr, decays[name], scale)
        path, ours = f"BERTAdam fused / plain, clipped by {clip}", dict(model.named_parameters())
        yield compare(path, f"weights after {UPDATES} updates", ours, weights, ROUNDING)


class Killed(Exception):
    """Interrupts a run."""


class KilledAfterSeven(finetuning.FinetuningTask):
    """A task whose run ends with `Killed` at its seventh batch."""

    batches = 0

    def loss(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """Called by the loop."""
        self.batches += 1
        if self.batches == 7:
            raise Killed
        return super().loss(inputs)


def resume(inputs: Inputs) -> Differences:
    """A run that was killed after its seventh batch and resumed against an uninterrupted one."""
    encoder, evaluated = inputs.encoder(), EvaluationSet(inputs.test, RUN, inputs.device)

    kinds = (KilledAfterSeven, finetuning.FinetuningTask, finetuning.FinetuningTask)
    killed, resumed, whole = (kind(RUN, 3, inputs.train, evaluated, encoder, inputs.device) for kind in kinds)
    with _saving_every(4):
        loop.run(whole, inputs.folder / "whole", "key")
        try:
            loop.run(killed, inputs.folder / "killed", "key")
        except Killed:
            loop.run(resumed, inputs.folder / "killed", "key")
    path = "killed and resumed / uninterrupted"
    ours, plain = (dict(task.model.named_parameters()) for task in (resumed, whole))
    yield compare(path, "weights", ours, plain, 0)
    yield compare(path, "test logits", resumed.tensors["last"], whole.tensors["last"], 0)


def seeds(inputs: Inputs) -> Differences:
    """A block of seeds against each seed in a run of its own."""
    block = [_fine_tuned(inputs, [1, 2])]
    alone = [_fine_tuned(inputs, [seed]) for seed in (1, 2)]
    for quantity, ours, plain in zip(("logits", "losses"), _joined(block), _joined(alone), strict=True):
        yield compare("a block of seeds / one by one", quantity, ours, plain, 0)


def states(inputs: Inputs) -> Differences:
    """Cached hidden states of a frozen encoder against states computed for the batch, and a biLSTM on both."""
    computed = feature_cache.Frozen(inputs.encoder(), PLAIN, inputs.device)
    folder = inputs.folder / "features-key"
    feature_cache.compute(computed, {"train": inputs.train}, PLAIN, folder)
    cached = feature_cache.Cache(folder / "train", computed, inputs.train, PLAIN)
    batch, share = inputs.batch(PLAIN), ROUNDING if computed.kind == torch.float32 else CACHED_BFLOAT16
    sides = []
    for source in (cached, computed):
        model = bilstm.BiLSTM(computed.width, len(inputs.train.label_names), PLAIN, 1).to(inputs.device).train()
        rows = source(batch)
        logits = model(rows, batch)
        functional.cross_entropy(logits, inputs.labels(batch)).backward()
        sides.append({"states": rows, "logits": logits, "gradients": reference.by_name(model)})
    for quantity in sides[0]:
        yield compare("BERT-Feat states cached / computed", quantity, sides[0][quantity], sides[1][quantity], share)


def truncation(inputs: Inputs) -> Differences:
    """Truncation as array views against the official list operations: single texts, fractions and pairs."""
    wrong = 0
    for kind in ("head", "tail", "head+tail", "hier-mean"):
        recipe = PLAIN.model_copy(update={"truncation": kind})
        for length in range(3 * recipe.max_length):
            first = np.arange(length, dtype=np.uint16)
            for second in (None, first[: length // 2] + 1000, np.arange(40, dtype=np.uint16)):
                segments = truncate(first, second, recipe, 5001, 5002)
                lists = first.tolist(), None if second is None else second.tolist()
                plain = reference.truncated(*lists, recipe, 5001, 5002)
                wrong += [(ids.tolist(), types.tolist()) for ids, types in segments] != plain
    yield Difference("truncation views / plain Python", "examples that differ", wrong, 0)


@contextmanager
def _saving_every(steps: int) -> Iterator[None]:
    before = os.environ.get(loop.SAVE_STEPS)
    os.environ[loop.SAVE_STEPS] = str(steps)
    try:
        yield
    finally:
        del os.environ[loop.SAVE_STEPS]
        if before is not None:
            os.environ[loop.SAVE_STEPS] = before


def _fine_tuned(inputs: Inputs, numbers: list[int]) -> Path:
    out = inputs.folder / "seeds" / "-".join(map(str, numbers))
    finetuning.run(
        recipe=RUN,
        files=tiny.input_files(inputs.folder),
        block=tiny.block(out, numbers, threads=torch.get_num_threads()),
    )
    return out


def _joined(folders: list[Path]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of all predictions, losses of all rows of the history."""
    logits = pd.concat([pd.read_parquet(folder / "predictions.parquet") for folder in folders])["logits"]
    losses = pd.concat([pd.read_csv(folder / "history.csv") for folder in folders])["loss"]
    return torch.from_numpy(np.stack(logits.to_list())), torch.tensor(losses.to_list(), dtype=torch.float64)
