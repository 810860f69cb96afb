"""Tasks of each kind on the inputs of `tiny.training_inputs`, as the training loop gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.stages import evaluate, finetuning, multitask, pretraining
from bertfit.tokens import instance_file, token_file
from helpers import tiny

SEED = 3


def make(
    inputs: Path, recipe: Finetune | Pretrain, device: torch.device, groups: Multitask | None = None, model: Any = None
) -> Any:
    """A pre-training, a fine-tuning, or with ``groups`` one of the corpora a and b together.

    It starts from ``model``, a model with its heads of pre-training; by default a pre-training from random weights of
    `tiny.SHAPE`, a fine-tuning from the encoder of ``inputs``.
    """
    if isinstance(recipe, Pretrain):
        data = instance_file.read(inputs / "train.instances")
        model = model or hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 1)
        return pretraining.PretrainingTask(recipe, SEED, data, None, model, device)
    train, test = (token_file.read(inputs / f"{split}.arrow") for split in ("train", "test"))
    encoder = model.encoder if model else hf_encoder.load_encoder(inputs / "encoder", pooler=recipe.pooler)
    if groups:
        return multitask.MultitaskTask(groups, recipe, {"a": (train, test), "b": (test, test)}, encoder, device)
    evaluated = evaluate.EvaluationSet(test, recipe, device)
    return finetuning.FinetuningTask(recipe, SEED, train, evaluated, encoder, device)
