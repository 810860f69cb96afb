"""Steps on the device "meta" in place of a GPU: where operands are, and that the host reads nothing and never waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.model import half_weights
from bertfit.stages import evaluate
from bertfit.training.train_step import EagerStep, GraphedStep
from helpers import meta_device, tiny, tiny_tasks
from helpers.meta_device import META, StrictDevices, record

RECIPE = Finetune(max_length=32, head_tokens=8, lr=1e-3, batch_size=7, epochs=2)
PRETRAIN = Pretrain(steps=20, batch_size=11, max_length=32, max_predictions=5, lr=1e-3)
CHANGES: dict[str, dict[str, Any]] = {
    "head+tail": {},
    "hier-mean": {"truncation": "hier-mean"},
    "hier-max": {"truncation": "hier-max"},
    "hier-attention": {"truncation": "hier-attention"},
    "pooler": {"pooler": True},
    "frozen": {"frozen": 1},
    "balanced": {"class_weights": "balanced"},
    "global": {"clip_by": "global", "bias_correction": True},
    "adapters": {"lora": 2},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.training_inputs(tmp_path_factory.mktemp("inputs"), PRETRAIN)


@pytest.fixture(autouse=True)
def meta(monkeypatch: pytest.MonkeyPatch) -> None:
    meta_device.install(monkeypatch)


def task_of(kind: str, inputs: Path) -> Any:
    if kind == "pretrain":
        return tiny_tasks.make(inputs, PRETRAIN, META)
    groups = Multitask(corpora=["a", "b"], seed=3) if kind == "multitask" else None
    return tiny_tasks.make(inputs, RECIPE.model_copy(update=CHANGES.get(kind, {})), META, groups)


@pytest.mark.parametrize("kind", [*CHANGES, "multitask", "pretrain"])
def test_operands_are_on_the_device_and_nothing_is_read(inputs: Path, kind: str) -> None:
    plain, graphed, with_copies = (task_of(kind, inputs) for _ in range(3))
    with_copies.optimizer.use_copies(half_weights.install(with_copies.model), fused=False)
    steps = EagerStep(plain), GraphedStep(graphed, record), GraphedStep(with_copies, record)
    for task, step in zip((plain, graphed, with_copies), steps, strict=True):
        task.model.train()
        with StrictDevices() as counted:
            for number in range(2):
                loss, _ = step(number, task.batch(number))
        assert loss.device == META and counted.calls > 500


@pytest.mark.parametrize("kind", ["head+tail", "hier-attention"])
def test_an_evaluation_reads_nothing_but_its_logits(inputs: Path, kind: str) -> None:
    task = task_of(kind, inputs)
    task.model.eval()
    with StrictDevices(), torch.inference_mode():
        logits = evaluate.classifier_logits(task.model, task.batch(0))
    assert logits.device == META and logits.shape == (RECIPE.batch_size, 3)


def test_operands_on_both_sides_and_reading_are_seen() -> None:
    there, here = torch.ones(3, 3, device=META), torch.ones(3, 3)
    with StrictDevices() as counted:
        assert (there @ there + torch.ones(())).device == META and here.to(META, non_blocking=True).device == META
        assert counted.calls == 3
        for wrong in (
            lambda: there @ here,
            lambda: there[here[0].long()],
            lambda: there.index_copy_(0, here.long(), there),
        ):
            with pytest.raises(RuntimeError, match="has operands on the device and"):
                wrong()
        for copy in (lambda: here.to(META), lambda: there.copy_(here), lambda: torch.tensor(1.0).to(META)):
            with pytest.raises(RuntimeError, match="the host would wait for the copy"):
                copy()
        with StrictDevices(copies=False), pytest.raises(RuntimeError, match="a graph would repeat the copy"):
            here.to(META, non_blocking=True)
        for waiting in (lambda: there.sum().item(), lambda: bool(there.any()), lambda: there[there > 0], there.cpu):
            with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
                waiting()
    with StrictDevices(may_wait=True) as counted:
        there.copy_(here)
    assert counted.calls == 1
