from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from bertfit.batching import example_order, packing
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.evaluation import score_runs
from bertfit.hugging_face import hf_encoder, hf_export
from bertfit.model import classifier_head
from bertfit.stages import evaluate, finetuning
from bertfit.stages.prediction_writer import HISTORY
from bertfit.tokens import token_file
from bertfit.training import checkpoint, loop
from helpers import kill_harness, madeup, tiny

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=3, batch_size=8)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.block_inputs(tmp_path_factory.mktemp("inputs"))


def run(inputs: Path, out: Path, recipe: Finetune, seeds: list[int]) -> Path:
    finetuning.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(out, seeds))
    return out


def logits(frame: pd.DataFrame) -> np.ndarray:
    return np.stack(frame["logits"].to_list())


@pytest.mark.usefixtures("cpu")
def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """Steps, epochs, running error, last and best of one seed against the plain procedure, dropout included."""
    out = run(inputs, tmp_path, RECIPE, [3])
    train, test = token_file.read(inputs / "train.arrow"), token_file.read(inputs / "test.arrow")
    model = classifier_head.Classifier(hf_encoder.load_encoder(inputs / "encoder"), 3, RECIPE, 3).train()
    task = finetuning.FinetuningTask(
        RECIPE, 3, train, evaluate.EvaluationSet(test, RECIPE, torch.device("cpu")), model.encoder, torch.device("cpu")
    )
    plan = example_order.plan(train.labels, RECIPE, 3)[0]
    model, adam, rows, found = task.model, task.optimizer, [], {}
    losses, wrong = [], 0
    for step in range(24):  # 60 examples are 8 batches
        batch = packing.collate(train, plan.examples(step), RECIPE)
        model.noise.reseed(3, step)
        answers = model(batch)
        loss = functional.cross_entropy(answers, torch.from_numpy(batch.labels))
        loss.backward()
        adam.step(step)
        losses += [loss.item()] * len(batch.labels)
        wrong += int((answers.argmax(1) != torch.from_numpy(batch.labels)).sum())
        if (step + 1) % 8 == 0:
            model.eval()
            with torch.no_grad():
                predicted = torch.cat([model(packing.collate(test, [i], RECIPE)) for i in range(40)])
            model.train()
            found[step + 1] = predicted.numpy()
            error = 100 * (predicted.argmax(1).numpy() != test.labels).mean()
            rows.append([step + 1, (step + 1) / 8, np.mean(losses), 100 * wrong / 60, error])
            losses, wrong = [], 0
    history = pd.read_csv(out / "history.csv")
    assert list(history.columns) == list(HISTORY)
    columns = ["step", "epoch", "loss", "train_error", "test_error"]
    np.testing.assert_allclose(history[columns].to_numpy(), np.array(rows, float), atol=1e-5)
    assert history["lr"].tolist() == pytest.approx([2e-3 * (1 - step / 22) if step < 22 else 0 for step in (7, 15, 23)])
    assert history["validation_error"].isna().all()

    predictions = pd.read_parquet(out / "predictions.parquet")
    best = int(history.loc[history["test_error"].idxmin(), "step"])
    assert sorted(predictions["step"].unique()) == sorted({best, 24})
    for step, frame in predictions.groupby("step"):
        assert frame["example"].tolist() == list(range(40)) and frame["label"].tolist() == test.labels.tolist()
        np.testing.assert_allclose(logits(frame), found[step], atol=1e-5)
    types = {name: str(kind) for name, kind in predictions.dtypes.items()}
    assert types | {"logits": ""} == {
        "seed": "int32", "step": "int32", "epoch": "float64", "example": "int32", "label": "int32", "logits": ""
    }  # fmt: skip


def test_a_block_equals_its_seeds_run_singly(inputs, tmp_path):
    recipe = RECIPE.model_copy(
        update={"fraction": 0.5, "validation": 0.2, "truncation": "hier-attention", "epochs": 1.5}
    )
    block = run(inputs, tmp_path / "block", recipe, [1, 2])
    singly = [run(inputs, tmp_path / str(seed), recipe, [seed]) for seed in (1, 2)]
    tiny.assert_same_as_alone(block, singly)
    history = pd.read_csv(block / "history.csv")
    assert history[["seed", "step"]].to_numpy().tolist() == [[1, 3], [1, 5], [2, 3], [2, 5]]  # 24 rows are 3 batches
    assert history["validation_error"].notna().all()


def test_seeds_with_an_encoder_each_equal_runs_on_it(inputs, tmp_path):
    other = tiny.encoder(tmp_path / "other", inputs / "words" / "built", seed=7)
    recipe = RECIPE.model_copy(update={"steps": 4, "pooler": True})
    files = tiny.input_files(inputs)
    both = replace(files, encoders={1: files.encoder, 2: other})
    finetuning.run(recipe=recipe, files=both, block=tiny.block(tmp_path / "block", [1, 2]))
    singly = [run(inputs, tmp_path / "1", recipe, [1]), tmp_path / "2"]
    finetuning.run(recipe=recipe, files=replace(files, encoder=other), block=tiny.block(singly[1], [2]))
    tiny.assert_same_as_alone(tmp_path / "block", singly)
    recorded = json.loads((tmp_path / "block/run.json").read_text())["inputs"]
    assert list(recorded) == ["train", "test", "encoder of seed 1", "encoder of seed 2"]
    assert recorded["encoder of seed 1"]["sha256"] != recorded["encoder of seed 2"]["sha256"]


def test_outputs_can_be_scored_and_the_record_is_whole(inputs, tmp_path):
    recipe = RECIPE.model_copy(update={"evaluate_every": 5, "steps": 12})
    out = run(inputs, tmp_path, recipe, [1, 2])
    assert pd.read_csv(out / "history.csv")["step"].tolist() == [5, 10, 12] * 2
    score_runs.build([madeup.run_files(out, "c", "e", "r")], tmp_path / "results.parquet", study="s")
    scored = pd.read_parquet(tmp_path / "results.parquet")
    assert scored[["seed", "selection"]].to_numpy().tolist() == [[1, "last"], [1, "best"], [2, "last"], [2, "best"]]
    record = json.loads((out / "run.json").read_text())
    assert record["code"] == "c0de" and record["spec"] == {"seeds": [1, 2]}
    assert {"train", "test", "encoder"} == set(record["inputs"]) and len(record["inputs"]["test"]["sha256"]) == 64
    assert record["cost"]["seeds"]["2"]["steps"] == 12 and record["cost"]["threads"] == 1
    energy, seeds = record["cost"]["energy"], record["cost"]["seeds"].values()
    assert energy["gpu_kwh"] == 0 and energy["cpu_seconds"] == pytest.approx(
        sum(seed["energy"]["cpu_seconds"] for seed in seeds)
    )
    assert energy["cpu_seconds"] > 0 and energy["cpu_kwh"] > 0
    encoder, head = record["encoder"]["parameters"], 3 * 16 + 3
    classifier, tokens = record["classifier"], packing.lengths(token_file.read(inputs / "test.arrow"), recipe).sum()
    assert classifier["parameters"] == encoder + head and classifier["bytes"] == 4 * (encoder + head)
    assert {key: classifier["evaluation"][key] for key in ("texts", "tokens")} == {"texts": 40, "tokens": tokens}
    assert 0 < classifier["evaluation"]["seconds"] < record["cost"]["seconds"]
    assert record["cost"]["tokens"] > 0 and record["cost"]["peak_memory_bytes"]["process"] > 1e7
    assert not (out / ".state").exists()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return kill_harness.report("finetune", tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize("moment", ["step", "evaluation", "saving", "between seeds", "second seed", "writing"])
def test_sigkill_at_any_moment_changes_nothing(killed, moment):
    assert killed[moment]["signal"] == 9
    assert killed[moment]["digests"] == killed["undisturbed"]["digests"]
    assert not killed[moment]["state left"]


@pytest.mark.parametrize(
    ("moment", "lines", "trained"),
    [
        ("step", ["seed 3: resuming from step 6 of 14"], [3, 4]),
        ("evaluation", ["seed 3: resuming from step 12 of 14"], [3, 4]),
        ("second seed", ["seed 4: resuming from step 3 of 14"], [4]),
        ("between seeds", [], [4]),
        ("writing", [], []),
        ("SIGTERM", ["seed 3: resuming from step 5 of 14"], [3, 4]),
        ("SIGTERM in evaluation", ["seed 3: resuming from step 7 of 14"], [3, 4]),
        ("SIGINT", ["seed 3: resuming from step 5 of 14"], [3, 4]),
        ("SIGUSR1", ["seed 4: resuming from step 3 of 14"], [4]),
    ],
)
def test_what_was_done_is_not_done_again(killed, moment, lines, trained):
    log = killed[moment]["log"].splitlines()
    assert [line for line in log if "resuming from" in line] == lines
    assert [line.split(":")[0] for line in log if "examples," in line] == [f"seed {seed}" for seed in trained]


@pytest.mark.parametrize(
    ("moment", "status"), [("SIGTERM", 143), ("SIGTERM in evaluation", 143), ("SIGINT", 130), ("SIGUSR1", 138)]
)
def test_a_signal_saves_and_exits_with_its_number(killed, moment, status):
    assert (killed[moment]["signal"], killed[moment]["exit"]) == (0, status)
    assert killed[moment]["digests"] == killed["undisturbed"]["digests"]


def test_a_state_of_other_inputs_is_not_resumed(tmp_path):
    path = tmp_path / "seed1.safetensors"
    checkpoint.save(path, "one", {"w": torch.ones(3)}, {"step": 2})
    tensors, meta = checkpoint.load(path, "one")
    assert meta["step"] == 2 and torch.equal(tensors["w"], torch.ones(3))
    assert checkpoint.load(path, "another") is None
    path.write_bytes(path.read_bytes()[:-3])
    assert checkpoint.load(path, "one") is None


EVERYTHING = {
    "layers": "first1", "frozen": 1, "bias_correction": True, "schedule": "continuous", "clip_by": "global",
    "clip": 0.5, "examples": 20, "minimum_steps": 11, "layer_decay": 0.5, "warmup": 0.25,
}  # fmt: skip


def made(inputs: Path, recipe: Finetune, seed: int = 1) -> finetuning.FinetuningTask:
    cpu = torch.device("cpu")
    test = evaluate.EvaluationSet(token_file.read(inputs / "test.arrow"), recipe, cpu)
    loaded = hf_encoder.load_encoder(inputs / "encoder", pooler=recipe.pooler)
    return finetuning.FinetuningTask(recipe, seed, token_file.read(inputs / "train.arrow"), test, loaded, cpu)


def test_a_recipe_reaches_plan_model_and_optimiser(inputs, tmp_path):
    recipe = RECIPE.model_copy(update=EVERYTHING)
    task = made(inputs, recipe)
    assert (len(task.plan.rows), task.plan.steps_per_epoch, task.steps) == (20, 3, 11)
    adam = task.optimizer
    assert (adam.clip, adam.max_norm, adam.bias_correction) == ("global", 0.5, True)
    assert (adam.schedule.kind, adam.schedule.total, adam.schedule.warmup) == ("continuous", 11, 0.25)
    assert [group.name for group in adam.groups] == ["head", "head"]  # its only layer is frozen
    lower = made(inputs, recipe.model_copy(update={"frozen": 0})).optimizer
    rates = {group.name: group.lr for group in lower.groups}
    assert rates == {"embeddings": 2e-3, "layer 0": 1e-3, "head": 2e-3}  # of an encoder of two layers
    history = pd.read_csv(run(inputs, tmp_path, recipe, [1]) / "history.csv")
    assert history["step"].tolist() == [3, 6, 9, 11]
    assert history["lr"].tolist() == pytest.approx([2e-3 * x for x in (2 / 2.75, 6 / 8.25, 3 / 8.25, 1 / 8.25)])


STOPPED = {
    "truncation": "head", "steps": 60, "evaluate_every": 3, "patience": 2, "stop_on": "test", "lr": 1e-2,
    "save_model": True,
}  # fmt: skip


def test_patience_ends_a_run_and_saves_the_best_model(inputs, tmp_path):
    recipe = RECIPE.model_copy(update=STOPPED)
    models = tmp_path / "models"
    finetuning.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(tmp_path, [3], model_folder=models))
    history, whole = pd.read_csv(tmp_path / "history.csv"), RECIPE.model_copy(update=STOPPED | {"patience": None})
    unstopped = pd.read_csv(run(inputs, tmp_path / "whole", whole, [3]) / "history.csv")
    pd.testing.assert_frame_equal(history, unstopped[: len(history)], check_exact=True)  # the same schedule
    best, last = int(history["test_error"].idxmin()), len(history) - 1
    assert last == best + 2 and history["step"][last] < 60
    cost = json.loads((tmp_path / "run.json").read_text())["cost"]["seeds"]["3"]
    assert cost["steps"] == history["step"][last]
    predictions = pd.read_parquet(tmp_path / "predictions.parquet").set_index("step")
    assert set(predictions.index) == {history["step"][best], history["step"][last]}
    saved, *_ = hf_export.load(models / "seed3")
    test = evaluate.EvaluationSet(token_file.read(inputs / "test.arrow"), recipe, torch.device("cpu"))
    found = test.logits(saved, lambda: None).numpy()
    np.testing.assert_allclose(found, logits(predictions.loc[history["step"][best]]), atol=1e-4)
    assert np.abs(found - logits(predictions.loc[history["step"][last]])).max() > 1e-2


WEIGHTED = STOPPED | {"class_weights": "balanced", "focal": 2.0}


@pytest.mark.parametrize(
    "changes", [EVERYTHING, {"pooler": True, "steps": 11}, WEIGHTED], ids=["everything", "pooler", "stopped"]
)
def test_a_broken_run_resumes_bit_identically(inputs, tmp_path, monkeypatch, changes):
    recipe = RECIPE.model_copy(update=changes)
    whole, broken, resumed = (made(inputs, recipe) for _ in range(3))
    loop.run(whole, tmp_path / "whole", "k")
    monkeypatch.setenv(loop.SAVE_STEPS, "4")
    loss, calls = broken.loss, []

    def failing(batch):
        calls.append(batch)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return loss(batch)

    broken.loss = failing
    with pytest.raises(KeyboardInterrupt):
        loop.run(broken, tmp_path / "state", "k")
    loop.run(resumed, tmp_path / "state", "k")
    assert resumed.memory == whole.memory
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name
    assert whole.tensors.keys() == resumed.tensors.keys() >= {"last", "best", "sums"}
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, resumed.tensors[name]), name


def test_a_recipe_that_leaves_nothing_to_train_on_stops_the_block_at_once(inputs, tmp_path):
    with pytest.raises(UserError, match=r"examples=2 keeps 2 .* each of the 3 classes; 3 are needed"):
        run(inputs, tmp_path, RECIPE.model_copy(update={"examples": 2}), [1, 2])
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"3 training texts, .* give 16 training texts or more, or set `minimum_steps`"):
        run(inputs, tmp_path, RECIPE.model_copy(update={"examples": 3, "epochs": 1}), [1, 2])
    assert not list(tmp_path.iterdir())
    run(inputs, tmp_path, RECIPE.model_copy(update={"examples": 3, "epochs": 1, "minimum_steps": 2}), [1])


def test_layers_that_the_encoder_lacks_are_named_first(inputs, tmp_path):
    for changes, message in (({"layers": "2"}, "the encoder has 2 layers"), ({"frozen": 3}, "frozen=3, but")):
        with pytest.raises(UserError, match=message):
            run(inputs, tmp_path, RECIPE.model_copy(update=changes), [1])
    assert not list(tmp_path.iterdir())


def test_inputs_that_do_not_fit_are_named(inputs, tmp_path):
    with pytest.raises(UserError, match="max_length=64, but the encoder has 40 positions"):
        run(inputs, tmp_path, RECIPE.model_copy(update={"max_length": 64}), [1])
    assert not (tmp_path / "history.csv").exists()
