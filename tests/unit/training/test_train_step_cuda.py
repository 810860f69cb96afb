"""What no machine without a GPU can show of `train_step`."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bertfit.batching import model_inputs
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.stages import finetuning
from bertfit.training import checkpoint, devices, train_step
from bertfit.training.train_step import EagerStep, StepOptions
from helpers import tiny, tiny_tasks

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0), reason="needs a GPU, Ampere or newer"
)
SHAPE = tiny.SHAPE.model_copy(update={"hidden": 64, "heads": 4, "intermediate": 128})
PRETRAIN = Pretrain(steps=8, batch_size=4, max_length=32, max_predictions=4, lr=1e-3, warmup=0)
RECIPES = {
    "usual": Finetune(max_length=32, head_tokens=8, batch_size=4, lr=1e-3, warmup=0),
    "modern": Finetune(
        max_length=32, head_tokens=8, batch_size=4, lr=1e-3, warmup=0, bias_correction=True, clip_by="global"
    ),
    "hierarchical": Finetune(max_length=12, batch_size=4, lr=1e-3, warmup=0, truncation="hier-attention", frozen=1),
}
OPTIONS = {
    "graphs": StepOptions(half_weights=False),
    "half weights": StepOptions(),
    "half weights alone": StepOptions(cuda_graphs=False),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.training_inputs(tmp_path_factory.mktemp("inputs"), PRETRAIN)


@pytest.fixture(params=[*RECIPES, "multitask", "pretrain"])
def make(request: pytest.FixtureRequest, inputs: Path) -> Callable:
    """A function that makes the same task anew; dropout as in ``dropout``."""
    device = devices.prepare(1)

    def made(dropout: float = 0.1):
        model = hf_encoder.scratch(SHAPE, tiny.WORDS + 5, 1)
        changes = {"dropout": dropout, "attention_dropout": dropout}
        recipe = PRETRAIN if request.param == "pretrain" else RECIPES.get(request.param, RECIPES["usual"])
        groups = Multitask(corpora=["a", "b"], seed=3) if request.param == "multitask" else None
        task = tiny_tasks.make(inputs, recipe.model_copy(update=changes), device, groups, model)
        task.model.train()
        return task

    return made


def go(task, step, first: int, last: int, *, evaluated: bool = False) -> None:
    for number in range(first, last):
        task.record(step(number, task.batch(number))[1])
        if evaluated and isinstance(task, finetuning.FinetuningTask):
            task.test.logits(task.model, lambda: None)


def state(task) -> list[torch.Tensor]:
    return [*task.model.state_dict().values(), *task.optimizer.moments().values(), task.tensors["sums"]]


def equal(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(state(one), state(other), strict=True))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_same_bits_twice_and_after_a_restart(make, options, tmp_path):
    first, second, stopped, resumed = (make() for _ in range(4))
    go(first, train_step.create(first, options), 0, 8)
    go(second, train_step.create(second, options), 0, 8, evaluated=True)
    assert equal(first, second), "an evaluation between steps changes nothing"
    go(stopped, train_step.create(stopped, options), 0, 5)
    checkpoint.save_task(stopped, tmp_path / "state", "k", 5, {})
    checkpoint.resume_task(resumed, tmp_path / "state", "k")
    go(resumed, train_step.create(resumed, options), 5, 8)
    assert equal(resumed, first)


class Padded:
    """Launches the kernels of padded batches one by one."""

    def __init__(self, task) -> None:
        self.task = task

    def __call__(self, number, batch):
        task = self.task
        task.noise.reseed(task.seed, number)
        loss, sums = task.loss(model_inputs.on_device(task.padded(batch), task.device))
        loss.backward()
        task.optimizer.step(number)
        return loss, sums


@pytest.mark.parametrize("options", [OPTIONS["graphs"], OPTIONS["half weights"]], ids=["graphs", "half weights"])
def test_a_graph_has_the_bits_of_its_kernels(make, options):
    graph, plain = make(), make()
    go(graph, train_step.create(graph, options), 0, 8)
    train_step.create(plain, StepOptions(cuda_graphs=False, half_weights=options.half_weights))
    go(plain, Padded(plain), 0, 8)
    assert equal(graph, plain)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_error_is_at_most_three_times_that_of_plain_bfloat16(make, options, monkeypatch):
    """Of the weights after four updates without dropout, against float32."""
    exact, plain, ours = (make(dropout=0.0) for _ in range(3))
    with monkeypatch.context() as float32:
        float32.setattr(devices, "precision", lambda device: torch.autocast(device.type, enabled=False))
        go(exact, EagerStep(exact), 0, 4)
    go(plain, EagerStep(plain), 0, 4)
    go(ours, train_step.create(ours, options), 0, 4)
    distances = []
    for task in (plain, ours):
        pairs = zip(task.model.parameters(), exact.model.parameters(), strict=True)
        distances.append(sum((a - b).double().square().sum() for a, b in pairs) ** 0.5)
    assert 0 < distances[1] <= 3 * distances[0]


def test_the_host_waits_for_nothing_within_a_step(make):
    task = make()
    step = train_step.create(task, StepOptions())
    go(task, step, 0, 4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        go(task, step, 4, 8)
    finally:
        torch.cuda.set_sync_debug_mode("default")
