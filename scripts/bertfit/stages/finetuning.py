"""Fine-tuning an encoder on a corpus: a block of seeds, one after the other (sections 5.2 and 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.model import packed_bert
from bertfit.runtime import resume_state
from bertfit.stages import classification
from bertfit.stages.classification import InputFiles, Inputs
from bertfit.stages.evaluate import Evaluated
from bertfit.stages.seed_block import SeedBlock, Strategy
from bertfit.tokens.token_file import Tokens
from bertfit.training import device

if TYPE_CHECKING:  # costs seconds
    from transformers import BertModel


def run(*, recipe: Finetune, files: InputFiles, block: SeedBlock) -> None:
    """Train each seed as if it were alone; write predictions, history and run.json as ARCHITECTURE.md says.

    With a ``model_folder`` of the block (``save_model: true``), each model goes into a folder ``seed<k>`` there that
    transformers loads (see `hf_export`). Raises `UserError` for inputs that do not fit together and for a loss that is
    not finite.
    """
    where = device.prepare(block.threads)
    block.train(FinetuningStrategy(recipe, files.read(recipe, block.seeds), where))


class FinetuningStrategy(Strategy["Finetuning"]):
    """Fine-tuning of all layers, with a linear classifier on the encoder."""

    def __init__(self, recipe: Finetune, inputs: Inputs, where: torch.device) -> None:
        self.key = resume_state.key(recipe.model_dump(), inputs=inputs.recorded)
        self.labels, self.inputs, self.where = inputs.test.labels, inputs.recorded, where
        self._recipe, self._inputs = recipe, inputs
        self._evaluated = Evaluated(inputs.test, recipe, where)

    def task(self, seed: int) -> Finetuning:
        """A classifier with new heads on the encoder's weights."""
        return Finetuning(self._recipe, seed, self._inputs.train, self._evaluated, self._inputs.encoder, self.where)

    def export(self, task: Finetuning, folder: Path) -> None:
        """Write the classifier in Hugging Face format."""
        from bertfit.model import hf_export

        names, tokenizer = self._inputs.train.label_names, self._inputs.files.encoder
        hf_export.write(task.model, names, recipe=self._recipe, tokenizer=tokenizer, out=folder)


class Finetuning(classification.Classifying):
    """The task of one seed: a `packed_bert.Classifier`."""

    def __init__(
        self, recipe: Finetune, seed: int, train: Tokens, test: Evaluated, encoder: BertModel, where: torch.device
    ) -> None:
        model = packed_bert.Classifier(encoder, len(train.label_names), recipe, seed)
        super().__init__(model, recipe, seed, train, test, where, depth=encoder.config.num_hidden_layers)
