from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import tiny
from bertfit import batches, encoders, instances, models, optim, pretraining
from bertfit.errors import UserError
from bertfit.spec import Pretrain

TESTS = Path(__file__).parents[1]
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
        job={"code": "c0de", "spec": {}},
        threads=1,
        **arguments,
    )
    return out


def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """Loss, global clipping, schedule, instances of each step and means of the history, dropout included."""
    out = run(inputs, tmp_path / "encoder")
    data = instances.read(inputs / "train.instances")
    model = models.Pretrainer(encoders.scratch(tiny.SHAPE, tiny.WORDS + 5, 3), PRETRAIN).train()
    groups = optim.param_groups(model, lr=1e-3, weight_decay=0.01)
    adam = optim.BertAdam(groups, optim.Schedule(6, 0.1), clip="global", max_norm=1.0)
    rows, since = [], []
    for step in range(6):
        batch = batches.collate_masked(data, batches.stream(len(data), 4, 3, step))
        model.noise.reseed(3, step)
        mlm, nsp, mlm_right, nsp_right = models.pretraining_scores(*model(batch), batch)
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
    history = pd.read_csv(out / "history.csv")
    assert history["step"].tolist() == [0, 4, 6]
    before, after = (record["held_out_mlm_loss"][key] for key in ("before", "after"))
    assert [before, after] == history["held_out_mlm_loss"].dropna().tolist()

    held_out = instances.read(inputs / "held_out.instances")
    model = models.Pretrainer(encoders.scratch(tiny.SHAPE, tiny.WORDS + 5, 3), PRETRAIN).eval()
    batch = batches.collate_masked(held_out, range(len(held_out)))
    assert len(held_out) > pretraining.EVALUATED  # several batches
    assert before == pytest.approx(models.pretraining_scores(*model(batch), batch)[0].item(), abs=1e-5)
    assert record["passes"] == pytest.approx(24 / len(instances.read(inputs / "train.instances")))
    assert set(record["inputs"]) == {"instances", "vocabulary", "held_out"} and record["heads"] == "fresh"


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
    small = encoders.scratch(tiny.SHAPE, 50, 1)
    encoders.save(small, inputs / "words" / "built", tmp_path / "small", {})
    with pytest.raises(UserError, match="85 word pieces, but the encoder has 50"):
        run(inputs, tmp_path / "x", shape=None, parent=tmp_path / "small")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'scripts'}:{TESTS}", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, str(TESTS / "kill_worker.py"), "pretrain", str(folder)], check=True, env=environment
    )
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize(
    ("moment", "signal", "status", "step"),
    [("step", 9, None, 6), ("evaluation", 9, None, 12), ("saving", 9, None, 8), ("SIGTERM", 0, 143, 11)],
)
def test_killed_runs_go_on_to_the_same_bits(killed, moment, signal, status, step):
    assert (killed[moment]["signal"], killed[moment]["exit"]) == (signal, status)
    assert f"going on from step {step} of 12" in killed[moment]["log"]
    assert killed[moment]["digests"] == killed["undisturbed"]["digests"]
    assert not killed[moment]["state left"]
