"""Fine-tuning an encoder on a corpus: a block of seeds, one after the other (sections 5.2 and 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bertfit.config.hyperparameters import Finetune
from bertfit.model import classifier_head, low_rank
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.runtime import resume_state
from bertfit.stages import classification
from bertfit.stages.classification import InputFiles, Inputs
from bertfit.stages.evaluate import EvaluationSet
from bertfit.stages.seed_block import ExportingStrategy, SeedBlock
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices


def run(*, recipe: Finetune, files: InputFiles, block: SeedBlock) -> None:
    """Train each seed as if it were alone; write predictions, history and run.json as ARCHITECTURE.md says.

    With a ``model_folder`` of the block (``save_model: true``), each model goes into a folder ``seed<k>`` there that
    transformers loads (see `hf_export`): that of the last step, or with ``patience`` of the best evaluation. Raises
    `UserError` for inputs that do not fit together, and where models are asked for and training diverges; else a seed
    that diverges is a failed run (see `SeedBlock.train`).
    """
    device = devices.prepare(block.threads)
    block.train(FinetuningStrategy(recipe, files.read(recipe), device))


class FinetuningStrategy(ExportingStrategy["FinetuningTask"]):
    """Fine-tuning of all layers, with a linear classifier on the encoder."""

    def __init__(self, recipe: Finetune, inputs: Inputs, device: torch.device) -> None:
        key = resume_state.key(recipe.model_dump(), inputs=inputs.recorded)
        super().__init__(
            key=key,
            labels=inputs.test.labels,
            input_files=inputs.recorded,
            device=device,
            sets=inputs.test.label_sets,
        )
        self._recipe, self._inputs = recipe, inputs
        self._test_set = EvaluationSet(inputs.test, recipe, device)

    def task(self, seed: int) -> FinetuningTask:
        """A classifier with new heads on the encoder's weights."""
        encoder = self._inputs.encoder_of(seed)
        return FinetuningTask(self._recipe, seed, self._inputs.train, self._test_set, encoder, self.device)

    def classifier(self, task: FinetuningTask) -> dict[str, Any]:
        """Encoder and head."""
        return classification.measured(task)

    def extra_entries(self) -> dict[str, Any]:
        """What the encoder is."""
        return {"encoder": self._inputs.encoder.facts}

    def export(self, task: FinetuningTask, folder: Path) -> None:
        """Write the classifier in Hugging Face format: with ``patience`` that of the best evaluation."""
        from bertfit.hugging_face import hf_export

        task.restore_best()
        if self._recipe.lora:
            low_rank.merge(task.model.encoder)
        train, tokenizer = self._inputs.train, self._inputs.files.encoder
        hf_export.write(
            task.model,
            train.label_names,
            recipe=self._recipe,
            tokenizer=tokenizer,
            out=folder,
            multilabel=train.label_sets is not None,
        )


class FinetuningTask(classification.ClassificationTask):
    """The task of one seed: a `classifier_head.Classifier`."""

    def __init__(
        self,
        recipe: Finetune,
        seed: int,
        train: Tokens,
        test: EvaluationSet,
        encoder: PackedEncoder,
        device: torch.device,
    ) -> None:
        model = classifier_head.Classifier(encoder, len(train.label_names), recipe, seed)
        super().__init__(model, recipe, seed, train, test, device, depth=encoder.config.num_hidden_layers)
