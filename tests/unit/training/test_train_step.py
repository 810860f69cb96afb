"""Steps of real tasks on the CPU; `record` in place of CUDA graphs calls the recorded function again."""

from pathlib import Path

import pytest
import torch

from bertfit.batching import model_inputs
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.training import train_step
from bertfit.training.train_step import EagerStep, GraphedStep, StepOptions
from helpers import recorded_steps, tiny, tiny_tasks
from helpers.recorded_steps import Recorder, trained

CPU = torch.device("cpu")
RECIPE = Finetune(max_length=32, head_tokens=8, lr=1e-3, batch_size=7, epochs=2, dropout=0, attention_dropout=0)
PRETRAIN = Pretrain(steps=20, batch_size=11, max_length=32, max_predictions=5, lr=1e-3, dropout=0, attention_dropout=0)
KINDS = ("head+tail", "hier-mean", "hier-max", "hier-attention", "pooler", "frozen", "pretrain", "multitask")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.training_inputs(tmp_path_factory.mktemp("inputs"), PRETRAIN)


@pytest.fixture(autouse=True)
def boundaries_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_steps.read_boundaries_alone(monkeypatch)


def task_of(kind: str, inputs: Path, dropout: float = 0.0):
    if kind == "pretrain":
        return tiny_tasks.make(inputs, PRETRAIN.model_copy(update={"dropout": dropout}), CPU)
    if kind == "multitask":
        groups = Multitask(corpora=["a", "b"], seed=3, order="epochs")
        return tiny_tasks.make(inputs, RECIPE.model_copy(update={"dropout": dropout}), CPU, groups)
    changes = {"pooler": {"pooler": True}, "frozen": {"frozen": 1}}.get(kind, {"truncation": kind})
    return tiny_tasks.make(inputs, RECIPE.model_copy(update={"dropout": dropout} | changes), CPU)


@pytest.mark.parametrize("kind", KINDS)
def test_padded_steps_equal_plain_ones(inputs, kind):
    """Losses, sums and weights after 15 updates, with documents, fractions, tokens and words of padding."""
    plain, padded = task_of(kind, inputs), task_of(kind, inputs)
    recorder = Recorder()
    expected = trained(plain, EagerStep(plain), 15)
    found = trained(padded, GraphedStep(padded, recorder), 15)
    for (loss, sums), (expected_loss, expected_sums) in zip(found, expected, strict=True):
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert sums == pytest.approx(expected_sums, rel=1e-5)
    recorded_steps.assert_near(padded, plain, ignored="key.bias", atol=3e-6)
    assert recorder.replayed == 15 and 1 <= recorder.recorded <= 15
    batches = [padded.batch(number) for number in range(15)]
    ignored = "targets" if kind == "pretrain" else "labels"
    of_batches = [padded.padded(batch) for batch in batches]
    assert any((getattr(inputs_of_batch, ignored) == model_inputs.IGNORED).any() for inputs_of_batch in of_batches)
    assert any(len(row.input_ids) > batch.tokens for row, batch in zip(of_batches, batches, strict=True))


@pytest.mark.parametrize("kind", ["head+tail", "pretrain"])
def test_a_step_is_a_function_of_seed_and_step(inputs, kind):
    """With dropout: recording a graph earlier or later changes no bit of later steps."""
    first, second = (task_of(kind, inputs, dropout=0.3) for _ in range(2))
    steps = GraphedStep(first, Recorder()), GraphedStep(second, Recorder())
    results = trained(first, steps[0], 3)
    assert trained(second, steps[1], 2) == results[:2]
    again = GraphedStep(second, Recorder())  # as after a restart
    loss, sums = again(2, second.batch(2))
    assert (float(loss), sums.flatten().tolist()) == results[2]
    for weight, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(weight, other)
    assert results[0] != results[1]


def test_batches_of_a_size_share_a_recording(inputs):
    task, recorder = task_of("head+tail", inputs), Recorder()
    step = GraphedStep(task, recorder)
    sizes = {task.padded(task.batch(number)).sizes for number in range(6)}
    trained(task, step, 6)
    trained(task, step, 6)
    assert recorder.recorded == len(sizes) and recorder.replayed == 12


def test_multitask_records_each_corpus_apart(inputs):
    task = task_of("multitask", inputs)
    sizes = {task.padded(task.batch(number)).sizes[-1] for number in range(task.steps)}
    assert sizes == {0, 1}


def test_recording_changes_no_weight(inputs):
    task = task_of("head+tail", inputs)
    before = [weight.clone() for weight in task.model.parameters()]

    def only_recorded(step, warm_up):
        warm_up()
        return lambda: (torch.zeros(()), torch.zeros(3))

    GraphedStep(task, only_recorded)(0, task.batch(0))
    assert all(torch.equal(weight, old) for weight, old in zip(task.model.parameters(), before, strict=True))
    assert all(weight.grad is None for weight in task.model.parameters())
    moments = task.optimizer.moments()
    assert len(moments) == 2 * len(before) and not any(moment.any() for moment in moments.values())


def test_options_are_read_from_the_resources_of_a_job():
    assert StepOptions.of({"gpu": 1}) == StepOptions(cuda_graphs=True, half_weights=True)
    assert StepOptions.of({"cuda_graphs": 0, "half_weights": 1}) == StepOptions(cuda_graphs=False, half_weights=True)


def test_options_are_named_for_readers():
    assert str(StepOptions()) == "CUDA graph with bfloat16 copies of weights"
    assert [str(StepOptions(False, True)), str(train_step.NONE)] == ["bfloat16 copies of weights", "kernel by kernel"]


def test_only_heads_that_the_kernels_support_are_padded(inputs, monkeypatch):
    """Other attention reads the documents' lengths on the host, and a graph would keep those of its first batch."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    for hidden, heads, expected in ((64, 4, True), (312, 12, False), (48, 4, False), (768, 12, True), (1040, 4, False)):
        encoder.config.hidden_size, encoder.config.num_attention_heads = hidden, heads
        assert encoder.runs_as_graph(torch.device("cuda")) == expected, (hidden, heads)
    assert not encoder.runs_as_graph(CPU)


def test_a_cpu_takes_plain_steps(inputs):
    assert isinstance(train_step.create(task_of("head+tail", inputs), StepOptions()), EagerStep)
