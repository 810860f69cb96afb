from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bertfit.batching import example_order, packing
from bertfit.batching.model_inputs import instances, on_device
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.model import pretrainer
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import pretraining
from bertfit.tokens import instance_file
from bertfit.training import loop, optimizer
from bertfit.training.schedules import Schedule
from helpers import kill_harness, tiny
from helpers.kill_harness import assert_killed_at_random, assert_resumed_bit_identically
from helpers.reference import transformers_model

PRETRAIN = Pretrain(steps=6, batch_size=4, lr=1e-3, max_length=32, max_predictions=5, dupe=2, log_every=4)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
    tiny.instances_file(folder / "held_out.instances", words, PRETRAIN, 40, 2)
    return folder


def run(inputs: Path, out: Path, pretrain: Pretrain = PRETRAIN, **named) -> Path:
    arguments = {"shape": tiny.SHAPE, "parent": None, "seed": 3} | named
    pretraining.run(
        pretrain=pretrain,
        vocabulary=inputs / "words" / "built",
        instances=inputs / "train.instances",
        state=out.with_name("state"),
        out=out,
        job=JobIdentity("c0de", {}),
        threads=1,
        **arguments,
    )
    return out


@pytest.mark.usefixtures("cpu")
def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """Loss, global clipping, schedule, instances of each step and means of the history, dropout included."""
    out = run(inputs, tmp_path / "encoder")
    data = instance_file.read(inputs / "train.instances")
    model = pretrainer.Pretrainer(hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 3), PRETRAIN).train()
    groups = optimizer.param_groups(model, lr=1e-3, weight_decay=0.01)
    adam = optimizer.BertAdam(groups, Schedule(6, 0.1), clip="global", max_norm=1.0)
    rows, since = [], []
    for step in range(6):
        batch = packing.collate_masked(data, example_order.stream(len(data), 4, 3, step))
        model.noise.reseed(3, step)
        read = on_device(instances(batch), torch.device("cpu"))
        mlm, nsp, mlm_right, nsp_right = pretrainer.pretraining_scores(*model.logits(read), read)
        (mlm + nsp).backward()
        adam.step(step)
        since.append([(mlm + nsp).item(), mlm.item(), int(mlm_right), len(batch.targets), int(nsp_right)])
        if step in (3, 5):
            loss, mlm_loss, right, masked, follows = np.array(since).T
            rows.append(
                [
                    step + 1,
                    1e-3 * adam.schedule.factor(step),
                    loss.mean(),
                    mlm_loss.mean(),
                    right.sum() / masked.sum(),
                    follows.sum() / (4 * len(since)),
                ]
            )
            since = []
    history = pd.read_csv(out / "history.csv")
    assert list(history.columns) == list(pretraining.HISTORY)
    np.testing.assert_allclose(history.iloc[:, :6].to_numpy(float), np.array(rows), rtol=1e-6)
    weights = load_file(out / "model.safetensors")
    assert all(
        torch.equal(weight, weights[name]) for name, weight in model.model.state_dict().items() if name in weights
    )
    assert 1e-3 * adam.schedule.factor(3) == pytest.approx(5e-4)


def test_folder_is_a_whole_encoder(inputs, tmp_path):
    out = run(inputs, tmp_path / "encoder", held_out=inputs / "held_out.instances")
    from transformers import AutoModel, BertForPreTraining, BertTokenizer

    report = BertForPreTraining.from_pretrained(out, output_loading_info=True)[1]
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert AutoModel.from_pretrained(out).config.vocab_size == len(BertTokenizer.from_pretrained(out)) == tiny.WORDS + 5
    record = json.loads((out / "run.json").read_text())
    assert record["passes"] == pytest.approx(24 / len(instance_file.read(inputs / "train.instances")))
    assert set(record["inputs"]) == {"instances", "vocabulary", "held_out"} and record["heads"] == "newly initialised"
    assert (record["steps"], record["of"], record["cost"]["steps"]) == (6, 6, 6)


@pytest.mark.usefixtures("cpu")
def test_held_out_text_is_measured_before_and_after(inputs, tmp_path):
    base = tiny.encoder(tmp_path / "base", inputs / "words" / "built", seed=5)
    out = run(inputs, tmp_path / "encoder", shape=None, parent=base, held_out=inputs / "held_out.instances")
    history, record = pd.read_csv(out / "history.csv"), json.loads((out / "run.json").read_text())
    assert history["step"].tolist() == [0, 4, 6] and record["heads"] == "from the checkpoint"
    before, after = (record["held_out_mlm_loss"][key] for key in ("before", "after"))
    assert [before, after] == history["held_out_mlm_loss"].dropna().tolist()
    assert before == pytest.approx(held_out_loss(inputs, base), abs=1e-5)
    assert after == pytest.approx(held_out_loss(inputs, out), abs=1e-5) and after != before
    assert len(instance_file.read(inputs / "held_out.instances")) > pretraining.EVALUATED  # several batches


def held_out_loss(inputs: Path, folder: Path) -> float:
    """Mean over the masked words of all held-out instances in one batch."""
    model = pretrainer.Pretrainer(hf_encoder.load_pretraining(folder, 1)[0], PRETRAIN).eval()
    data = instance_file.read(inputs / "held_out.instances")
    batch = packing.collate_masked(data, range(len(data)))
    read = on_device(instances(batch), torch.device("cpu"))
    return pretrainer.pretraining_scores(*model.logits(read), read)[0].item()


DRAWN = "the checkpoint has no weights for some heads, newly initialised from seed 3: cls.predictions."
HEADS = "dense.weight, cls.seq_relationship.bias, cls.seq_relationship.weight\n"


def test_newly_initialised_heads_have_no_loss_before(inputs, tmp_path, caplog):
    """Random weights, a parent without heads, and a parent whose heads were initialised are not measured at step 0."""
    drawn = tmp_path / "drawn"
    model = hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 1)
    hf_encoder.save(
        model, inputs / "words" / "built", drawn, {"run.json": '{"newly_initialised": ["cls.predictions.bias"]}'}
    )
    headless = tmp_path / "headless"
    hf_encoder.save(model, inputs / "words" / "built", headless, {})
    transformers_model(model.bert).save_pretrained(headless)
    caplog.set_level(logging.WARNING)
    for name, given in {
        "scratch": {},
        "drawn": {"shape": None, "parent": drawn},
        "headless": {"shape": None, "parent": headless},
    }.items():
        out = run(inputs, tmp_path / f"from {name}", held_out=inputs / "held_out.instances", **given)
        history, record = pd.read_csv(out / "history.csv"), json.loads((out / "run.json").read_text())
        assert record["heads"] == "newly initialised" and record["held_out_mlm_loss"]["before"] is None
        assert history["step"].tolist() == [4, 6]  # no row where nothing is measured
        assert history["held_out_mlm_loss"].isna().tolist() == [True, False]
        told = {"scratch": (), "drawn": ("never trained: cls.predictions.bias",), "headless": (DRAWN, HEADS)}[name]
        assert all(part in caplog.text for part in told) and len(caplog.records) == bool(told)
        caplog.clear()
        assert record["held_out_mlm_loss"]["after"] == history["held_out_mlm_loss"].iloc[-1]
    (drawn / "run.json").write_text('{"newly_initialised": ["bert.pooler.dense.bias"]}')
    out = run(inputs, tmp_path / "trained", held_out=inputs / "held_out.instances", shape=None, parent=drawn)
    record = json.loads((out / "run.json").read_text())
    assert record["heads"] == "newly initialised" and record["held_out_mlm_loss"]["before"] > 0, (
        "the MLM head is a trained one"
    )
    assert run(inputs, tmp_path / "none").joinpath("history.csv").read_text().splitlines()[1].startswith("4,")


def test_further_training_starts_from_the_parent_and_learns(inputs, tmp_path):
    base = run(inputs, tmp_path / "base")
    settings = PRETRAIN.model_copy(update={"steps": 1})  # the first update has a rate of 0
    same = run(inputs, tmp_path / "same", settings, shape=None, parent=base, seed=9)
    one, other = (load_file(folder / "model.safetensors") for folder in (base, same))
    assert all(torch.equal(weight, other[name]) for name, weight in one.items())
    longer = PRETRAIN.model_copy(update={"steps": 150, "lr": 5e-3, "dropout": 0.0, "attention_dropout": 0.0})
    history = pd.read_csv(run(inputs, tmp_path / "further", longer, shape=None, parent=base) / "history.csv")
    assert history["mlm_loss"].iloc[-5:].mean() < 0.9 * history["mlm_loss"].iloc[:5].mean()
    assert json.loads((tmp_path / "further" / "run.json").read_text())["heads"] == "from the checkpoint"


def test_inputs_that_do_not_fit_are_named(inputs, tmp_path):
    with pytest.raises(UserError, match="max_length=128, but the encoder has 40 positions"):
        run(inputs, tmp_path / "x", Pretrain(steps=1))
    with pytest.raises(UserError, match="either from a shape or from a parent"):
        run(inputs, tmp_path / "x", shape=None)
    small = hf_encoder.scratch(tiny.SHAPE, 50, 1)
    hf_encoder.save(small, inputs / "words" / "built", tmp_path / "small", {})
    with pytest.raises(UserError, match="85 word pieces, but the encoder has 50"):
        run(inputs, tmp_path / "x", shape=None, parent=tmp_path / "small")


def test_a_training_that_diverges_stops(inputs, tmp_path):
    with pytest.raises(UserError, match=r"loss is (nan|inf) at step \d+ of 6 .*training diverged: lower `lr`"):
        run(inputs, tmp_path / "x", PRETRAIN.model_copy(update={"lr": 1e30, "steps": 6}))
    assert not (tmp_path / "x").exists()


# ------------------------------------------------------------------------------------------ saves on the way


@pytest.mark.usefixtures("cpu")
def test_saves_are_the_weights_of_their_steps(inputs, tmp_path, monkeypatch):
    """What a run that is killed there holds; and the encoder at the end is that of a run without saves."""
    base = tiny.encoder(tmp_path / "base", inputs / "words" / "built", seed=5)
    given = {"shape": None, "parent": base, "held_out": inputs / "held_out.instances"}
    alone = run(inputs, tmp_path / "alone", **given)
    folders = {step: tmp_path / f"at{step}" for step in (5, 2)}
    out = run(inputs, tmp_path / "encoder", saves=folders, **given)
    assert (out / "model.safetensors").read_bytes() == (alone / "model.safetensors").read_bytes()
    assert not (tmp_path / "state").exists()

    monkeypatch.setenv(loop.SAVE_STEPS, "1")
    original = pretraining.PretrainingTask.loss
    for step, folder in folders.items():
        steps = iter(range(6))

        def stop(task, batch, step=step, steps=steps):
            if next(steps) == step:
                raise InterruptedError
            return original(task, batch)

        monkeypatch.setattr(pretraining.PretrainingTask, "loss", stop)
        with pytest.raises(InterruptedError):
            run(inputs, tmp_path / f"stopped{step}" / "encoder", **given)
        held = load_file(tmp_path / f"stopped{step}" / "state" / "state.safetensors")
        saved = load_file(folder / "model.safetensors")
        assert all(torch.equal(weight, held[f"w/model.{name}"]) for name, weight in saved.items())
        assert len(saved) == sum(name.startswith("w/") for name in held)
    monkeypatch.undo()

    for step, rows in ((2, [0, 2]), (5, [0, 2, 4, 5])):
        history = pd.read_csv(folders[step] / "history.csv")
        record = json.loads((folders[step] / "run.json").read_text())
        assert history["step"].tolist() == rows
        assert (record["steps"], record["of"], record["cost"]["steps"]) == (step, 6, step)
        assert record["passes"] == pytest.approx(4 * step / len(instance_file.read(inputs / "train.instances")))
        after = record["held_out_mlm_loss"]["after"]
        assert (
            after
            == history["held_out_mlm_loss"].iloc[-1]
            == pytest.approx(held_out_loss(inputs, folders[step]), abs=1e-5)
        )
        assert {path.name for path in folders[step].iterdir()} == {path.name for path in out.iterdir()}
    costs = [json.loads((folder / "run.json").read_text())["cost"] for folder in (folders[2], folders[5], out)]
    assert [cost["tokens"] for cost in costs] == [sum(len(each.ids) for each in seen(inputs, n)) for n in (2, 5, 6)]
    for values in ([cost["energy"]["cpu_seconds"] for cost in costs], [cost["seconds"] for cost in costs]):
        assert 0 < values[0] < values[1] < values[2]


def seen(inputs: Path, steps: int) -> list[instance_file.Instance]:
    data = instance_file.read(inputs / "train.instances")
    return [data.get(int(i)) for step in range(steps) for i in example_order.stream(len(data), 4, 3, step)]


def test_saves_belong_to_the_steps_of_the_run(inputs, tmp_path):
    for steps in (0, 6, 7):
        with pytest.raises(UserError, match=r"the run has steps 1 to 6, the last one its result"):
            run(inputs, tmp_path / "x", saves={steps: tmp_path / "y"})


# ------------------------------------------------------------------------------------------ kills


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return kill_harness.report("pretrain", tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize(
    ("moment", "signal", "status", "step"),
    [
        ("step", 9, None, 6),
        ("evaluation", 9, None, 12),
        ("evaluation of a save", 9, None, 9),
        ("saving", 9, None, 8),
        ("half a state", 9, None, 4),
        ("SIGTERM", 0, 143, 11),
        ("saving an encoder", 9, None, 9),
        ("encoder saved", 9, None, 9),
        ("first in its place", 9, None, 12),
        ("second half in its place", 9, None, 12),
        ("all in their places", 9, None, 12),
    ],
)
def test_killed_runs_resume_bit_identically(killed, moment, signal, status, step):
    """The encoder at the end and those saved at steps 4 and 9."""
    assert (killed[moment]["signal"], killed[moment]["exit"]) == (signal, status)
    assert f"resuming from step {step} of 12" in killed[moment]["log"]
    assert_resumed_bit_identically(killed, moment)


def test_runs_killed_at_random_steps_resume_bit_identically(killed):
    assert_killed_at_random(killed, 4)


def test_no_encoder_appears_before_all_steps_are_done(killed):
    for moment, report in killed.items():
        folders = sorted({name.split("/")[0] for name in report["left"]})
        early = {"first in its place": ["at4"], "second half in its place": ["at4"]}.get(moment, [])
        done = moment in ("undisturbed", "all in their places")
        assert folders == (["at4", "at9", "encoder"] if done else early), moment
