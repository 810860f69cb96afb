"""A classifier of one corpus in training: what the strategies, of fine-tuning and on frozen states, have in common.

Shapes: B documents of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bertfit.batching import example_order, packing, transfer
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.model import hf_encoder
from bertfit.stages import input_checks
from bertfit.stages.evaluate import Answer, Evaluated, classifier_logits
from bertfit.stages.seed_block import Progress
from bertfit.tokens import token_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import optimizer

if TYPE_CHECKING:  # costs seconds
    from transformers import BertModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """What a block of seeds reads."""

    train: Tokens
    test: Tokens
    encoder: BertModel
    files: dict[str, Path]
    """for run.json"""


def inputs(recipe: Finetune, seeds: Sequence[int], *, train: Path, test: Path, encoder: Path) -> Inputs:
    """Read two token files and an encoder folder.

    Raises `UserError` where they do not fit together, and where one of ``seeds`` has nothing to train on: before
    anything is trained or computed.
    """
    splits = {path: token_file.read(path) for path in (train, test)}
    loaded = hf_encoder.load_encoder(encoder, pooler=recipe.pooler)
    input_checks.check(recipe, loaded.config, splits)
    for seed in seeds:
        example_order.plan(np.asarray(splits[train].labels), recipe, seed)
    files = {"train": train, "test": test, "encoder": encoder / "model.safetensors"}
    return Inputs(splits[train], splits[test], loaded, files)


class Classifying(Progress):
    """One seed, as the loop wants it: order of the examples, loss and evaluations of ``model``."""

    def __init__(
        self,
        model: Any,
        recipe: Finetune,
        seed: int,
        train: Tokens,
        test: Evaluated,
        where: torch.device,
        *,
        answer: Answer = classifier_logits,
        depth: int | None = None,
    ) -> None:
        """``answer``: the logits of training documents; ``depth``: that of the whole encoder, see `optimizer`."""
        self.name = f"seed {seed}"
        self.recipe, self.train, self.test, self.where, self.answer = recipe, train, test, where, answer
        self.plan, held_out = example_order.plan(np.asarray(train.labels), recipe, seed)
        self.validation = Evaluated(train, recipe, where, held_out, answer) if len(held_out) else None
        super().__init__(
            seed,
            steps=self.plan.steps,
            steps_per_epoch=self.plan.steps_per_epoch,
            every=recipe.evaluate_every,
            where=where,
        )
        self.model = model.to(where)
        self.noise = self.model.noise
        self.optimizer = optimizer.for_recipe(self.model, recipe, self.plan.schedule, depth)
        groups = optimizer.describe(self.optimizer.groups)
        log.info("%s: %d examples, %d steps\n%s", self.name, len(self.plan.rows), self.steps, groups)

    def batch(self, step: int) -> Batch:
        """The training batch of ``step``."""
        return packing.collate(self.train, self.plan.examples(step), self.recipe)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch times its share; its sums go into ``tensors``."""
        labels = transfer.to_device(batch.labels, self.where)
        logits = self.answer(self.model, batch)
        loss = functional.cross_entropy(logits, labels)
        self.learned(loss, logits, labels, batch.share)
        return loss * batch.share

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Evaluate after each epoch or ``evaluate_every`` steps, and after the last step."""
        if not self.due(step):
            return
        logits = self.test.logits(self.model, check)
        validation_error = None
        if self.validation is not None:
            validation_error = self.validation.error(self.validation.logits(self.model, check))
        self.evaluated(
            step,
            lr=self.optimizer.lr(step - 1),
            logits=logits,
            test_error=self.test.error(logits),
            validation_error=validation_error,
        )
