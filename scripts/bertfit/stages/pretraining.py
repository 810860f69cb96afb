"""Pre-training by MLM, with NSP or without, from random weights or further from a parent (sections 4.2 and 5.2).

Optimiser, schedule and loss are those of run_pretraining.py and optimization.py (github:google-research/bert).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from bertfit.batching import dynamic_masking, example_order, model_inputs, packing
from bertfit.batching.dynamic_masking import Masking
from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import IGNORED, MaskedInputs
from bertfit.batching.packing import MaskedBatch
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Pretrain
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.model import pretrainer
from bertfit.model.replaced_tokens import WordReplacement
from bertfit.runtime import resume_state
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import input_checks
from bertfit.tokens import instance_file, special_tokens, vocabulary_file
from bertfit.tokens.instance_file import Instances
from bertfit.training import devices, distributed, loop, optimizer, run_record
from bertfit.training.schedules import Schedule
from bertfit.training.train_step import StepOptions

log = logging.getLogger(__name__)

HISTORY = ("step", "lr", "loss", "mlm_loss", "mlm_accuracy", "nsp_accuracy", "held_out_mlm_loss")
SUMS = ("steps", "loss", "mlm_loss", "mlm_right", "masked", "nsp_right", "instances")
EVALUATED = 64  # held-out instances in a batch


def run(
    *,
    pretrain: Pretrain,
    shape: Shape | None,
    parent: Path | None,
    vocabulary: Path,
    instances: Path,
    seed: int,
    state: Path,
    out: Path,
    job: JobIdentity,
    threads: int,
    held_out: Path | None = None,
    generator: Path | None = None,
    saves: Mapping[int, Path] | None = None,
    options: StepOptions = StepOptions(),  # noqa: B008  # frozen
) -> None:
    """Pre-train an encoder and write its folder ``out``, and a folder for each of the earlier steps in ``saves``.

    Starts from random weights of ``shape`` or from the encoder folder ``parent``; exactly one of them is given.
    ``vocabulary`` is a folder, ``instances`` and ``held_out`` are instances files. The MLM loss on ``held_out`` is
    measured before the first step (unless the MLM head is newly initialised), at each of ``saves`` and at the end, and
    goes into history.csv and run.json. ``state`` is a folder of resume states, removed at the end; a killed job resumes
    from it bit-identically. The encoders' folders appear when all steps are done. Raises `UserError` for inputs that do
    not fit together.
    """
    device = devices.prepare(threads)
    saves = dict(sorted((saves or {}).items()))
    data = _read(instances)
    if (shape is None) == (parent is None):
        raise UserError("pre-training starts either from a shape or from a parent encoder")
    if (generator is None) == (pretrain.objective == "rtd"):
        raise UserError(f"objective {pretrain.objective}: a generator is for rtd, which needs one")
    tokenizer = vocabulary_file.load(vocabulary)
    size, _ = vocabulary_file.id_type(tokenizer)
    if parent is not None:
        model, newly_initialised = hf_encoder.load_pretraining(parent, seed, detects=pretrain.objective == "rtd")
        hf_encoder.warn(newly_initialised, seed)
        if inherited := hf_encoder.newly_initialised(parent):
            log.warning("heads of %s that were newly initialised and never trained: %s", parent, ", ".join(inherited))
        newly_initialised += inherited
    else:
        assert shape is not None
        model = hf_encoder.scratch(shape, size, seed, special_tokens.ids(tokenizer))
        newly_initialised = list(model.state_dict())
    input_checks.pretraining(pretrain, list(saves), model.encoder.config, vocabulary, size)
    inputs = {"instances": instances, "vocabulary": vocabulary / "tokenizer.json"}
    inputs |= {"parent": parent / "model.safetensors"} if parent else {}
    inputs |= {"held_out": held_out} if held_out else {}
    inputs |= {"generator": generator / "model.safetensors"} if generator else {}

    def save_encoder(step: int) -> None:
        if distributed.rank() == 0:
            hf_encoder.save(model, vocabulary, _saved(state, step), {})

    held_out_instances = _read(held_out) if held_out else None
    mlm_head_is_trained = not any(map(model.is_word_head, newly_initialised))
    measured = {*saves, pretrain.steps} | ({0} if mlm_head_is_trained else set())
    new_heads = newly_initialised if parent is not None else []
    masking, replacement = dynamic_masking.of_vocabulary(tokenizer, pretrain), None
    if generator:
        fills = hf_encoder.load_generator(generator, seed, device)
        input_checks.generator(generator, pretrain, fills.encoder.config, vocabulary)
        replacement = WordReplacement(fills, masking)
    task = PretrainingTask(
        pretrain, seed, data, held_out_instances, model, device, measured, set(saves), save_encoder, new_heads,
        masking, replacement,
    )  # fmt: skip
    values = [pretrain.model_dump(), shape.model_dump() if shape else None, seed, list(saves)]
    key = resume_state.key(*values, inputs=inputs)
    cost = loop.run(task, state / "state.safetensors", key, marks=saves, options=options)
    if distributed.rank():
        return
    marks = cost.pop("marks", {})
    shared = run_record.record(job, inputs=inputs, device=device, cost=cost | {"threads": threads})

    def texts(step: int) -> dict[str, str]:
        """History and run.json of the encoder after ``step`` updates."""
        rows = [row for row in task.memory["history"] if row["step"] <= step]
        losses = {"before": rows[0][HISTORY[-1]] if rows[0]["step"] == 0 else None, "after": rows[-1][HISTORY[-1]]}
        record = shared | {
            "cost": shared["cost"] | marks.get(str(step), {}),
            "steps": step,
            "of": pretrain.steps,
            "heads": "newly initialised" if newly_initialised else "from the checkpoint",
            "encoder": model.encoder.facts,
            "objective": pretrain.objective or ("mlm+nsp" if task.model.next_sentence else "mlm"),
            **({"head_steps": task.head_steps} if task.head_steps else {}),
            "passes": step * pretrain.batch_size / len(data),
            "held_out_mlm_loss": losses if held_out else None,
        }
        history = pd.DataFrame(rows, columns=HISTORY).to_csv(index=False)
        return {"run.json": run_record.text(record), "history.csv": history}

    for step, folder in saves.items():
        hf_encoder.place(_saved(state, step), folder, texts(step))
    hf_encoder.save(model.cpu(), vocabulary, out, texts(pretrain.steps))
    files.remove(state)


class PretrainingTask:
    """The task of a pre-training.

    ``memory`` holds the rows of the history, ``tensors`` the sums since the last row, in the order of `SUMS`.
    """

    name = "pre-training"

    def __init__(
        self,
        pretrain: Pretrain,
        seed: int,
        instances: Instances,
        held_out: Instances | None,
        model: Any,
        device: torch.device,
        measured: Collection[int] = (),
        saved: Collection[int] = (),
        save: Callable[[int], None] = lambda step: None,
        new_heads: Collection[str] = (),
        masking: Masking | None = None,
        replacement: WordReplacement | None = None,
    ) -> None:
        """The loss on held-out text is measured at the steps ``measured``; ``save`` is called at those of ``saved``.

        ``new_heads`` are names of weights of ``model`` that ``pretrain.head_steps`` steps train alone; ``masking`` is
        for instances that are not masked yet, ``replacement`` for the detection of replaced tokens in such instances.
        Raises `UserError` for instances that are masked already where tokens are to be replaced.
        """
        if replacement and not all(each.unmasked for each in (instances, held_out) if each):
            raise UserError("objective rtd: the instances are masked already; create them for `objective: mlm`")
        self.measured, self.saved, self.save = measured, saved, save
        self.masking, self.replacement = masking, replacement
        self.pretrain, self.seed, self.device = pretrain, seed, device
        self.instances, self.held_out = instances, held_out
        self.steps = pretrain.steps
        self.model = pretrainer.Pretrainer(model, pretrain).to(device)
        self.noise = self.model.noise
        groups = optimizer.param_groups(self.model, lr=pretrain.lr, weight_decay=pretrain.weight_decay)
        passes = pretrain.steps * pretrain.batch_size / len(instances)
        log.info(
            "%d instances, %d steps, %.2f passes\n%s", len(instances), self.steps, passes, optimizer.describe(groups)
        )
        self.head_steps = min(pretrain.head_steps, pretrain.steps // 2) if new_heads else 0
        schedule = Schedule(pretrain.steps - self.head_steps, pretrain.warmup, before=self.head_steps)
        self.optimizer = optimizer.BertAdam(groups, schedule, clip="global", max_norm=pretrain.clip)
        heads = {f"model.{name}" for name in new_heads}
        self._encoder = frozenset(weight for name, weight in self.model.named_parameters() if name not in heads)
        self.memory: dict[str, Any] = {"history": []}
        self.tensors: dict[str, Tensor] = {"sums": self._zeros()}

    def batch(self, step: int) -> MaskedBatch:
        """The instances of ``step``."""
        numbers = example_order.stream(len(self.instances), self.pretrain.batch_size, self.seed, step)
        return self._collated(self.instances, numbers, self.seed, step)

    @property
    def can_be_padded(self) -> bool:
        """Whether its steps can be CUDA graphs."""
        return self.model.model.encoder.runs_as_graph(self.device)

    def inputs(self, batch: MaskedBatch) -> MaskedInputs[Tensor]:
        """The batch on the device."""
        return model_inputs.on_device(model_inputs.instances(batch), self.device)

    def padded(self, batch: MaskedBatch) -> MaskedInputs[Array]:
        """The batch in a common size."""
        return model_inputs.padded_instances(batch)

    def loss(self, inputs: MaskedInputs[Tensor]) -> tuple[Tensor, Tensor]:
        """MLM loss + NSP loss, each times its share; they and the correct predictions in the order of `SUMS`."""
        with devices.precision(self.device):
            words, follows = self.model.logits(inputs)
        mlm, nsp, mlm_right, nsp_right = pretrainer.pretraining_scores(words, follows, inputs)
        mlm, nsp = mlm * inputs.masked_share, nsp * inputs.share
        loss = mlm + nsp
        with torch.no_grad():
            masked, size = (inputs.targets != IGNORED).sum(), torch.full_like(nsp_right, len(inputs.random_next))
            sums = torch.stack([loss, mlm, mlm_right, masked, nsp_right, size])
            return loss, sums if inputs.share else torch.zeros_like(sums)

    def record(self, sums: Tensor) -> None:
        """Add the sums of a batch over the ranks."""
        self.tensors["sums"][0] += 1
        self.tensors["sums"][1:] += distributed.total(sums)

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Add a row to the history every ``log_every`` steps, where text is measured, and at the end; save encoders."""
        self.optimizer.hold(self._encoder if step < self.head_steps else frozenset())
        due = step in self.measured or step in self.saved or step == self.steps
        if step and step % self.pretrain.log_every and not due:
            return
        check()
        held_out_loss = None
        if self.held_out is not None and step in self.measured:
            held_out_loss = self._held_out_loss(check)
        if step == 0:
            if held_out_loss is not None:
                self.memory["history"].append({"step": 0, "held_out_mlm_loss": held_out_loss})
            return
        sums = dict(zip(SUMS, self.tensors["sums"].tolist(), strict=True))
        row = {
            "step": step,
            "lr": self.optimizer.lr(step - 1),
            "loss": sums["loss"] / sums["steps"],
            "mlm_loss": sums["mlm_loss"] / sums["steps"],
            "mlm_accuracy": sums["mlm_right"] / sums["masked"],
            "nsp_accuracy": sums["nsp_right"] / sums["instances"] if self.model.next_sentence else None,
            "held_out_mlm_loss": held_out_loss,
        }
        log.info("%s", ", ".join(f"{name} {value:.5g}" for name, value in row.items() if value is not None))
        self.memory["history"].append(row)
        self.tensors["sums"] = self._zeros()
        if step in self.saved:
            self.save(step)

    def _held_out_loss(self, check: Callable[[], None]) -> float:
        """Mean MLM loss over all masked words of the held-out instances."""
        assert self.held_out is not None
        parts = [range(i, min(i + EVALUATED, len(self.held_out))) for i in range(0, len(self.held_out), EVALUATED)]
        sums = torch.zeros(len(parts), 2, dtype=torch.float64)  # loss and number of masked words of each part
        rank, size = distributed.rank(), distributed.size()
        self.model.eval()
        with torch.inference_mode(), devices.precision(self.device):
            for turn in range(0, len(parts), size):
                check()  # every rank calls it equally often
                for place in range(len(parts))[turn : turn + size][rank : rank + 1]:
                    inputs = self.inputs(self._collated(self.held_out, parts[place], self.pretrain.data_seed, place))
                    mlm = pretrainer.pretraining_scores(*self.model.logits(inputs), inputs)[0]
                    sums[place, 0] = float(mlm) * len(inputs.targets)
                    sums[place, 1] = len(inputs.targets)
        self.model.train()
        losses, masked = zip(*distributed.total(sums).tolist(), strict=True)
        return sum(losses) / sum(masked)

    def _collated(self, instances: Instances, numbers: Sequence[int] | Array, *key: int) -> MaskedBatch:
        """A batch; words that the file leaves unmasked are masked by ``key``."""
        batch = packing.collate_masked(instances, numbers)
        if self.replacement:
            return self.replacement.replaced(batch, *key)
        return self.masking.masked(batch, *key) if self.masking and instances.unmasked else batch

    def _zeros(self) -> Tensor:
        return torch.zeros(len(SUMS), dtype=torch.float64, device=self.device)


def _read(path: Path) -> Instances:
    instances = instance_file.read(path)
    if not len(instances):
        raise UserError(f"{path}: no instances; its texts are empty")
    return instances


def _saved(state: Path, step: int) -> Path:
    """Where the encoder of ``step`` is stored until the end of the run."""
    return state / f"step{step}"
