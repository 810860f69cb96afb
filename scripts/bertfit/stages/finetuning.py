"""Fine-tuning an encoder on a corpus: a block of seeds, one after the other (sections 5.2 and 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.model import packed_bert
from bertfit.runtime import resume_state
from bertfit.stages import classification, seed_block
from bertfit.stages.evaluate import Evaluated
from bertfit.tokens.token_file import Tokens
from bertfit.training import device

if TYPE_CHECKING:  # costs seconds
    from transformers import BertModel


def run(
    *,
    recipe: Finetune,
    train: Path,
    test: Path,
    encoder: Path,
    model_folder: Path | None = None,
    **given: Unpack[seed_block.Block],
) -> None:
    """Train each seed as if it were alone; write predictions, history and run.json as ARCHITECTURE.md says.

    ``train`` and ``test`` are token files, ``encoder`` is a folder; for the others see `seed_block.Block`. Into
    ``model_folder``, given for ``save_model: true``, go folders ``seed<k>`` that transformers loads (see `hf_export`).
    Raises `UserError` for inputs that do not fit together and for a loss that is not finite.
    """
    where = device.prepare(given["threads"])
    read = classification.inputs(recipe, given["seeds"], train=train, test=test, encoder=encoder)

    def keep(task: Finetuning, folder: Path) -> None:
        from bertfit.model import hf_export

        hf_export.write(task.model, read.train.label_names, recipe=recipe, tokenizer=encoder, out=folder)

    evaluated = Evaluated(read.test, recipe, where)
    seed_block.run(
        lambda seed: Finetuning(recipe, seed, read.train, evaluated, read.encoder, where),
        key=resume_state.key(recipe.model_dump(), inputs=read.files),
        labels=read.test.labels,
        inputs=read.files,
        where=where,
        keep=None if model_folder is None else keep,
        model_folder=model_folder,
        **given,
    )


class Finetuning(classification.Classifying):
    """One seed, as the loop wants it."""

    def __init__(
        self, recipe: Finetune, seed: int, train: Tokens, test: Evaluated, encoder: BertModel, where: torch.device
    ) -> None:
        model = packed_bert.Classifier(encoder, len(train.label_names), recipe, seed)
        super().__init__(model, recipe, seed, train, test, where, depth=encoder.config.num_hidden_layers)
