"""Further pre-training whose first steps train newly initialised heads alone (`head_steps`)."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bertfit.config.hyperparameters import Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import pretraining
from bertfit.tokens import instance_file
from bertfit.training import loop
from bertfit.training.schedules import Schedule
from bertfit.training.train_step import EagerStep, GraphedStep
from helpers import tiny
from helpers.reference import transformers_model

CPU = torch.device("cpu")
PRETRAIN = Pretrain(
    steps=10, head_steps=4, batch_size=4, lr=1e-2, max_length=32, max_predictions=5, dupe=2, log_every=1, warmup=0.25
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vocabulary, instances, an encoder with heads and one without."""
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
    tiny.encoder(folder / "whole", words)
    tiny.encoder(folder / "headless", words)
    transformers_model(hf_encoder.load_encoder(folder / "headless")).save_pretrained(folder / "headless")
    return folder


def run(inputs: Path, out: Path, parent: str, pretrain: Pretrain = PRETRAIN, **named) -> Path:
    pretraining.run(
        pretrain=pretrain, shape=None, parent=inputs / parent, vocabulary=inputs / "words" / "built",
        instances=inputs / "train.instances", seed=3, state=out.with_name("state"), out=out,
        job=JobIdentity("c0de", {}), threads=1, **named,
    )  # fmt: skip
    return out


def task_of(inputs: Path, pretrain: Pretrain = PRETRAIN) -> pretraining.PretrainingTask:
    model, new = hf_encoder.load_pretraining(inputs / "headless", 3)
    data = instance_file.read(inputs / "train.instances")
    return pretraining.PretrainingTask(pretrain, 3, data, None, model, CPU, new_heads=new)


def test_heads_move_and_the_encoder_does_not_until_it_is_its_turn(inputs, tmp_path):
    folders = {step: tmp_path / f"at{step}" for step in (4, 6)}
    out = run(inputs, tmp_path / "encoder", "headless", saves=folders)
    start = hf_encoder.load_pretraining(inputs / "headless", 3)[0].state_dict()
    new = [name for name in start if name.startswith(("cls.", "bert.pooler.")) and ".decoder." not in name]
    at4, at6 = (load_file(folder / "model.safetensors") for folder in folders.values())
    for name, weight in at4.items():
        assert torch.equal(weight, start[name]) == (name not in new), name
        assert not torch.equal(weight, at6[name]), name
    history, schedule = pd.read_csv(out / "history.csv"), Schedule(6, 0.25, before=4)
    assert history["lr"].tolist() == pytest.approx([1e-2 * schedule.factor(step) for step in range(10)])
    record = json.loads((out / "run.json").read_text())
    assert (record["head_steps"], record["steps"], record["cost"]["steps"]) == (4, 10, 10)


def test_the_encoder_has_no_moments_before_its_turn(inputs, tmp_path):
    task = task_of(inputs)
    for step in range(4):
        task.reached(step, lambda: None)
        EagerStep(task)(step, task.batch(step))
        task.record(torch.ones(6))
    held = task.optimizer.held
    assert {name for name in task.optimizer.moments() if name.startswith("m/")} == {
        f"m/{name}" for name, weight in task.model.named_parameters() if weight not in held
    }
    task.reached(4, lambda: None)
    assert not task.optimizer.held


def test_without_new_heads_nothing_changes(inputs, tmp_path):
    plain = PRETRAIN.model_copy(update={"head_steps": 0})
    ours = run(inputs, tmp_path / "with", "whole")
    theirs = run(inputs, tmp_path / "without", "whole", plain)
    for name in ("model.safetensors", "history.csv"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    assert "head_steps" not in json.loads((ours / "run.json").read_text())
    assert task_of(inputs, PRETRAIN.model_copy(update={"head_steps": 99})).head_steps == 5, "half at most"


@pytest.mark.parametrize("stop", [2, 5])
def test_a_broken_training_resumes_bit_identically(inputs, tmp_path, monkeypatch, stop):
    """In the steps of the heads, and after them."""
    whole, broken, resumed = (task_of(inputs) for _ in range(3))
    loop.run(whole, tmp_path / "whole", "k")
    monkeypatch.setenv(loop.SAVE_STEPS, str(stop))
    loss, calls = broken.loss, []

    def failing(batch):
        calls.append(batch)
        if len(calls) == stop + 2:
            raise KeyboardInterrupt
        return loss(batch)

    broken.loss = failing
    with pytest.raises(KeyboardInterrupt):
        loop.run(broken, tmp_path / "state", "k")
    monkeypatch.delenv(loop.SAVE_STEPS)
    loop.run(resumed, tmp_path / "state", "k")
    assert resumed.memory == whole.memory
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name


def test_recorded_steps_equal_plain_ones(inputs):
    """A graph of the steps of the heads does not serve those after them."""
    without_dropout = PRETRAIN.model_copy(update={"dropout": 0.0, "attention_dropout": 0.0, "lr": 1e-3})
    plain, graphed = task_of(inputs, without_dropout), task_of(inputs, without_dropout)

    def record(step, warm_up):
        """A graph repeats what the optimiser did when it was recorded."""
        warm_up()
        held = graphed.optimizer.held

        def replay():
            assert graphed.optimizer.held == held
            return step()

        return replay

    for task, step_of in ((plain, EagerStep(plain)), (graphed, GraphedStep(graphed, record))):
        for step in range(8):
            task.reached(step, lambda: None)
            task.record(step_of(step, task.batch(step))[1])
    for (name, weight), other in zip(graphed.model.named_parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=0, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
