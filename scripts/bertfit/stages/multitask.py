"""Multi-task fine-tuning: shared encoder and embeddings, a head for each corpus, one corpus in a batch.

Sections 4.3 and 5.5; run_classifier_multitask.py and modeling_multitask.py of the official code: losses of equal
weight, one optimiser, one schedule over the sum of the corpora. Which batch a step gets: `multitask_sampling`. The
heads are the rows of one linear module; those of other corpora get gradients of zero, as in the official code. Shapes:
B documents, C classes of all corpora together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from bertfit.batching import example_order, model_inputs, packing
from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import A, DocumentInputs
from bertfit.batching.multitask_sampling import Mixture
from bertfit.batching.packing import Batch
from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.config.recipe_semantics import most_fractions
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head
from bertfit.model.packed_encoder import PackedEncoder
from bertfit.runtime import resume_state
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import evaluate, input_checks
from bertfit.stages.evaluate import EvaluationSet
from bertfit.tokens import token_file
from bertfit.tokens.token_file import Tokens
from bertfit.training import devices, distributed, loop, optimizer, run_record, schedules
from bertfit.training.train_step import StepOptions

log = logging.getLogger(__name__)

HISTORY = ("step", "corpus", "lr", "loss", "train_error", "test_error")


def run(
    *,
    multitask: Multitask,
    recipe: Finetune,
    corpora: Mapping[str, tuple[Path, Path]],
    parent: Path,
    vocabulary: Path,
    state: Path,
    out: Path,
    job: JobIdentity,
    threads: int,
    options: StepOptions = StepOptions(),  # noqa: B008  # frozen
) -> None:
    """Fine-tune the encoder folder ``parent`` on ``corpora`` together and write the encoder folder ``out``.

    ``corpora`` are training and test token files by name, ``vocabulary`` is a folder, ``state`` a folder of resume
    states, removed at the end; a killed job resumes from it bit-identically. ``recipe`` is the complete recipe,
    including what ``multitask`` changes. The heads of the corpora are dropped: ``out`` has the trained encoder, and the
    parent's MLM and NSP heads. Raises `UserError` for inputs that do not fit together and a loss that is not finite.
    """
    device = devices.prepare(threads)
    read = {name: (token_file.read(train), token_file.read(test)) for name, (train, test) in corpora.items()}
    encoder = hf_encoder.load_encoder(parent, pooler=recipe.pooler)
    _check(recipe, encoder, read, corpora)
    inputs = {"parent": parent / "model.safetensors", "vocabulary": vocabulary / "tokenizer.json"}
    for name, (train, test) in corpora.items():
        inputs |= {f"{name}/train": train, f"{name}/test": test}
    task = MultitaskTask(multitask, recipe, read, encoder, device)
    key = resume_state.key(multitask.model_dump(), recipe.model_dump(), inputs=inputs)
    cost = loop.run(task, state / "state.safetensors", key, options=options)
    if distributed.rank():
        return

    model, newly_initialised = hf_encoder.load_pretraining(parent, multitask.seed)
    unexpected = model.encoder.load_state_dict(task.model.encoder.cpu().state_dict(), strict=False).unexpected_keys
    assert not unexpected, unexpected
    record = run_record.record(job, inputs=inputs, device=device, cost=cost | {"threads": threads}) | {
        "heads": "the parent's, not trained",
        "encoder": model.encoder.facts,
        "newly_initialised": sorted({*newly_initialised, *hf_encoder.newly_initialised(parent)}),
        "batches_per_epoch": dict(zip(read, task.mixture.counts, strict=True)),
    }
    history = pd.DataFrame(task.memory["history"], columns=HISTORY).to_csv(index=False)
    hf_encoder.save(model, vocabulary, out, {"run.json": run_record.text(record), "history.csv": history})
    files.remove(state)


@dataclass(frozen=True)
class CorpusBatch(Batch):
    """Documents of one corpus."""

    corpus: int
    """Index of the corpus."""


@dataclass(frozen=True)
class CorpusInputs(DocumentInputs[A]):
    """The same as inputs of the model."""

    corpus: int = field(kw_only=True)


class MultitaskTask:
    """The task of a multi-task fine-tuning.

    ``memory`` holds the rows of the history, ``tensors`` for each corpus the sums of loss, wrong predictions and
    examples since its last row. With a single corpus, order of examples, head and dropout are those of
    `finetuning.FinetuningTask`.
    """

    name = "multi-task fine-tuning"

    def __init__(
        self,
        multitask: Multitask,
        recipe: Finetune,
        corpora: Mapping[str, tuple[Tokens, Tokens]],
        encoder: Any,
        device: torch.device,
    ) -> None:
        self.recipe, self.seed, self.device, self.names = recipe, multitask.seed, device, list(corpora)
        self.train = [train for train, _ in corpora.values()]
        self.tests = [EvaluationSet(test, recipe, device) for _, test in corpora.values()]
        rows = {
            name: example_order.plan(train.labels, recipe, self.seed)[0].rows for name, (train, _) in corpora.items()
        }
        self.mixture = Mixture(rows, multitask, recipe)
        self.steps = self.mixture.steps
        texts = sum(len(of_corpus) for of_corpus in rows.values())
        schedules.check(recipe, texts=texts, steps=self.steps, total=self.mixture.schedule)
        ends = np.cumsum([len(train.label_names) for train in self.train]).tolist()
        self.heads = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        self.model = classifier_head.Classifier(encoder, ends[-1], recipe, self.seed).to(device)
        self.noise = self.model.noise
        depth = encoder.config.num_hidden_layers
        self.optimizer = optimizer.for_recipe(self.model, recipe, self.mixture.schedule, depth)
        log.info("%d steps; %s\n%s", self.steps, self.mixture.describe(), optimizer.describe(self.optimizer.groups))
        self.memory: dict[str, Any] = {"history": []}
        self.tensors: dict[str, Tensor] = {"sums": self._zeros()}

    def batch(self, step: int) -> CorpusBatch:
        """The batch of ``step``, of one corpus."""
        corpus, rows = self.mixture.examples(step)
        return CorpusBatch(**vars(packing.collate(self.train[corpus], rows, self.recipe)), corpus=corpus)

    @property
    def can_be_padded(self) -> bool:
        """Whether its steps can be CUDA graphs."""
        return self.model.encoder.runs_as_graph(self.device)

    def inputs(self, batch: CorpusBatch) -> CorpusInputs[Tensor]:
        """The batch on the device."""
        inputs = model_inputs.on_device(model_inputs.documents(batch), self.device)
        return CorpusInputs(**vars(inputs), corpus=batch.corpus)

    def padded(self, batch: CorpusBatch) -> CorpusInputs[Array]:
        """The batch in a common size."""
        fractions = most_fractions(self.recipe.truncation, self.recipe.fractions)
        inputs = model_inputs.padded_documents(batch, self.recipe.batch_size, fractions)
        return CorpusInputs(**vars(inputs), corpus=batch.corpus)

    def loss(self, inputs: CorpusInputs[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy of the batch with its corpus's head, times its share; the sums of each corpus, (., 3)."""
        with devices.precision(self.device):
            logits = self.model.logits(inputs).float()[:, self.heads[inputs.corpus]]
        labels = inputs.labels.long()
        loss = functional.cross_entropy(logits, labels)
        sums = torch.zeros_like(self.tensors["sums"])
        sums[inputs.corpus] = evaluate.tally(loss, logits, labels, inputs.share)
        return loss * inputs.share, sums

    def record(self, sums: Tensor) -> None:
        """Add the sums of a batch over the ranks."""
        self.tensors["sums"] += distributed.total(sums)

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Test all corpora after each epoch or ``evaluate_every`` steps, and after the last step."""
        every = self.recipe.evaluate_every or self.mixture.steps_per_epoch
        if step == 0 or (step % every and step != self.steps):
            return
        errors = [
            test.error(test.logits(self.model, check)[:, head])
            for test, head in zip(self.tests, self.heads, strict=True)
        ]
        for name, error, (loss, wrong, size) in zip(self.names, errors, self.tensors["sums"].tolist(), strict=True):
            row = {
                "step": step,
                "corpus": name,
                "lr": self.optimizer.lr(step - 1),
                "loss": loss / size if size else None,
                "train_error": 100 * wrong / size if size else None,
                "test_error": error,
            }
            log.info("step %d, %s: loss %s, test error %.6g", step, name, row["loss"], error)
            self.memory["history"].append(row)
        self.tensors["sums"] = self._zeros()

    def _zeros(self) -> Tensor:
        return torch.zeros(len(self.names), 3, dtype=torch.float64, device=self.device)


def _check(
    recipe: Finetune,
    encoder: PackedEncoder,
    read: Mapping[str, tuple[Tokens, Tokens]],
    paths: Mapping[str, tuple[Path, Path]],
) -> None:
    """Refuse inputs that do not fit together."""
    if not read:
        raise UserError("multitask: no corpus is left to train on; name one that is available")
    for name, splits in read.items():
        if splits[0].label_sets is not None:
            raise UserError(f"multitask: the texts of {name} have several labels; leave it out of the group")
        files = dict(zip(paths[name], splits, strict=True))
        input_checks.check(recipe, encoder.config, files, encoder.family)
