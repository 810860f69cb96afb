"""A classifier of one corpus in training: what fine-tuning and training on a frozen encoder's states have in common.

Shapes: B documents of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bertfit.batching import example_order, model_inputs, packing
from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import DocumentInputs
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import most_fractions
from bertfit.hugging_face import hf_encoder
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.runtime.rule_job import RuleJob
from bertfit.stages import evaluate, input_checks, prediction_writer
from bertfit.stages.evaluate import Answer, EvaluationSet, classifier_logits
from bertfit.stages.seed_block import EvaluationHistory
from bertfit.tokens import token_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices, optimizer, schedules
from bertfit.training.objective import Objective
from bertfit.training.task import DivergedError

log = logging.getLogger(__name__)

BEST = "best weights/"
"""prefix of the weights of the best evaluation among the tensors of a task"""


@dataclass(frozen=True)
class InputFiles:
    """Paths of two token files and of an encoder's folder.

    ``encoders``: seed -> folder, where every seed has an encoder of its own; else empty. ``encoder`` is the first then.
    """

    train: Path
    test: Path
    encoder: Path
    encoders: Mapping[int, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, job: RuleJob, seeds: Sequence[int]) -> InputFiles:
        """Those of a rule with the inputs ``train``, ``test`` and ``model``, which has a file for each seed or one."""
        folders = [path.parent for path in job.input.group("model")]
        encoders = dict(zip(seeds, folders, strict=True)) if len(folders) > 1 else {}
        return cls(job.input["train"], job.input["test"], folders[0], encoders)

    def of_seed(self, seed: int) -> Path:
        """The folder of the encoder that ``seed`` starts from."""
        return self.encoders.get(seed, self.encoder)

    def read(self, recipe: Finetune) -> Inputs:
        """Read the files.

        Raises `UserError`, before anything is computed, where they do not fit together, and where ``recipe`` leaves
        nothing to train on.
        """
        splits = {path: token_file.read(path) for path in (self.train, self.test)}
        loaded = hf_encoder.load_encoder(self.encoder, pooler=recipe.pooler)
        input_checks.check(recipe, loaded.config, splits, loaded.family)
        train = splits[self.train]
        plan, _ = example_order.plan(np.asarray(train.labels), recipe, 1, train.label_sets)  # of each seed's size
        schedules.check(recipe, texts=len(plan.rows), steps=plan.steps, total=plan.schedule)
        return Inputs(self, splits[self.train], splits[self.test], loaded, recipe.pooler)


@dataclass(frozen=True)
class Inputs:
    """What a block of seeds reads."""

    files: InputFiles
    train: Tokens
    test: Tokens
    encoder: PackedEncoder
    pooler: bool
    """of the recipe"""

    def encoder_of(self, seed: int) -> PackedEncoder:
        """The encoder that ``seed`` starts from."""
        folder = self.files.of_seed(seed)
        if folder == self.files.encoder:
            return self.encoder
        return hf_encoder.load_encoder(folder, pooler=self.pooler)

    @property
    def recorded(self) -> dict[str, Path]:
        """The files whose digests ``run.json`` holds and a resume state depends on."""
        own = {f"encoder of seed {seed}": folder for seed, folder in self.files.encoders.items()}
        folders = own or {"encoder": self.files.encoder}
        weights = {name: folder / "model.safetensors" for name, folder in folders.items()}
        return {"train": self.files.train, "test": self.files.test, **weights}


def measured(task: ClassificationTask, encoder: nn.Module | None = None, encoding: float = 0.0) -> dict[str, Any]:
    """``classifier`` of ``run.json``, see `job_record.ClassifierFacts`: size of a trained task, time of its test set.

    ``encoder``: a frozen one beside the trained model, whose states of the test set took ``encoding`` seconds beside
    those of an evaluation. Adapters of low rank do not count: they are added to the weights that they are beside.
    """
    weights = [(name, weight) for name, weight in task.model.named_parameters() if "lora_" not in name]
    weights += list(encoder.named_parameters()) if encoder else []
    parameters, test = sum(weight.numel() for _, weight in weights), task.test
    batch_tokens = packing.BATCH_TOKENS[task.device.type]
    evaluation = {"texts": len(test.rows), "tokens": test.tokens, "batch_tokens": batch_tokens}
    return {
        "parameters": parameters,
        "bytes": 4 * parameters,  # float32
        "evaluation": None if test.fastest is None else evaluation | {"seconds": test.fastest + encoding},
    }


class ClassificationTask(EvaluationHistory):
    """The task of one seed: order of the examples, loss and evaluations of ``model``."""

    def __init__(
        self,
        model: Any,
        recipe: Finetune,
        seed: int,
        train: Tokens,
        test: EvaluationSet,
        device: torch.device,
        *,
        answer: Answer = classifier_logits,
        depth: int | None = None,
    ) -> None:
        """``answer`` computes logits; ``depth`` is the number of layers of the whole encoder, see `optimizer`."""
        self.name = f"seed {seed}"
        self.recipe, self.train, self.test, self.device = recipe, train, test, device
        self.plan, held_out = example_order.plan(np.asarray(train.labels), recipe, seed, train.label_sets)
        self.validation = EvaluationSet(train, recipe, device, held_out, answer) if len(held_out) else None
        super().__init__(
            seed,
            steps=self.plan.steps,
            steps_per_epoch=self.plan.steps_per_epoch,
            every=recipe.evaluate_every,
            device=device,
            patience=recipe.patience,
        )
        labels = np.asarray(train.labels)[self.plan.rows]
        self.objective = Objective.of(recipe, labels, len(train.label_names), train.label_sets, device)
        self.model = model.to(device)
        self.noise = self.model.noise
        self.optimizer = optimizer.for_recipe(self.model, recipe, self.plan.schedule, depth)
        groups = optimizer.describe(self.optimizer.groups)
        log.info("%s: %d examples, %d steps\n%s", self.name, len(self.plan.rows), self.steps, groups)

    def batch(self, step: int) -> Batch:
        """The training batch of ``step``."""
        return packing.collate(self.train, self.plan.examples(step), self.recipe)

    @property
    def can_be_padded(self) -> bool:
        """Whether its steps can be CUDA graphs."""
        return self.model.encoder.runs_as_graph(self.device)

    def inputs(self, batch: Batch) -> Any:
        """The batch on the device."""
        return model_inputs.on_device(model_inputs.documents(batch), self.device)

    def padded(self, batch: Batch) -> DocumentInputs[Array]:
        """The batch in a common size."""
        fractions = most_fractions(self.recipe.truncation, self.recipe.fractions)
        return model_inputs.padded_documents(batch, self.recipe.batch_size, fractions)

    def loss(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """Mean loss of the batch times its share, and what `evaluate.tally` counts."""
        logits, labels = self.logits(inputs), inputs.labels.long()
        loss = self.objective.loss(logits, labels)
        return loss * inputs.share, evaluate.tally(loss, logits, labels, inputs.share, self.objective.members)

    def logits(self, inputs: Any) -> Tensor:
        """(B, labels) float32: logits of `inputs`."""
        with devices.precision(self.device):
            return self.model.logits(inputs).float()

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Evaluate after each epoch or ``evaluate_every`` steps, and after the last step."""
        if not self.evaluation_due(step):
            return
        logits = self.test.logits(self.model, check)
        if not logits.isfinite().all():
            raise DivergedError(self, "logits of the test set are not finite", step)
        validation_error = None
        if self.validation is not None:
            validation_error = self.validation.error(self.validation.logits(self.model, check))
        is_best = self.record_evaluation(
            step,
            lr=self.optimizer.lr(step - 1),
            logits=logits,
            test_error=self.test.error(logits),
            validation_error=validation_error,
        )
        if is_best and self.recipe.patience and self.recipe.save_model:
            self.tensors |= {f"{BEST}{name}": weight.detach().clone() for name, weight in self._trained_weights()}

    def diverged(self, step: int) -> None:
        """Record that training diverged at ``step``: from there on the run guesses its most frequent training class."""
        labels, sets = np.asarray(self.train.labels)[self.plan.rows], self.train.label_sets
        guess = evaluate.constant_guess(labels, len(self.train.label_names), sets)
        logits, validation_error = guess.repeat(len(self.test.rows), 1), None
        if self.validation is not None:
            validation_error = self.validation.error(guess.repeat(len(self.validation.rows), 1))
        self.record_divergence(
            step,
            lr=self.optimizer.lr(step - 1),
            logits=logits,
            train_error=prediction_writer.error_percent(guess.repeat(len(labels), 1), labels, sets),
            test_error=self.test.error(logits),
            validation_error=validation_error,
        )

    def restore_best(self) -> None:
        """Give the model the weights of the best evaluation, where they were kept, and keep them no longer."""
        with torch.no_grad():
            for name, weight in self._trained_weights():
                if f"{BEST}{name}" in self.tensors:
                    weight.copy_(self.tensors.pop(f"{BEST}{name}"))

    def _trained_weights(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, weight) for name, weight in self.model.named_parameters() if weight.requires_grad]
