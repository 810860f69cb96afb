"""Fine-tuning that diverges: a failed run with the predictions of a constant guess, from its files to a verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch

from bertfit.claims import assess
from bertfit.claims.claim_schema import Contrast, Kind, Runs
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.evaluation import predictions, score_runs
from bertfit.experiments.cells import RunGroup
from bertfit.stages import evaluate, finetuning
from bertfit.stages.classification import ClassificationTask
from bertfit.statistics import failed_runs
from bertfit.tokens import token_file
from helpers import madeup, tiny

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=3, batch_size=8)  # 24 steps, 8 an epoch
HUGE = RECIPE.model_copy(update={"lr": 1e30})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.block_inputs(tmp_path_factory.mktemp("inputs"))


def run(inputs: Path, out: Path, recipe: Finetune, seeds: list[int], **changes: Any) -> Path:
    finetuning.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(out, seeds, **changes))
    return out


def read(out: Path, seed: int, step: int) -> np.ndarray:
    frame = pd.read_parquet(out / "predictions.parquet").query(f"seed == {seed} and step == {step}")
    return np.stack(frame["logits"].to_list())


@pytest.fixture(scope="module")
def guessed(inputs: Path) -> tuple[int, float, float]:
    """The most frequent class of the training split, its error there and on the test set in percent."""
    train, test = (np.asarray(token_file.read(inputs / f"{name}.arrow").labels) for name in ("train", "test"))
    guess = int(np.bincount(train).argmax())
    return guess, 100 * float((train != guess).mean()), 100 * float((test != guess).mean())


def poison(monkeypatch: pytest.MonkeyPatch, seed: int, step: int) -> None:
    """Make a weight nan before the batch of ``step`` of ``seed`` is computed."""
    packed = ClassificationTask.batch

    def batch(task: ClassificationTask, number: int) -> Any:
        if (task.seed, number) == (seed, step + 1):  # called for the next batch, after the update of ``step`` - 1
            with torch.no_grad():
                next(task.model.parameters()).fill_(float("nan"))
        return packed(task, number)

    monkeypatch.setattr(ClassificationTask, "batch", batch)


def test_a_rate_that_is_far_too_high_gives_the_error_of_the_constant_guess(inputs, tmp_path, guessed):
    guess, train_error, test_error = guessed
    out = run(inputs, tmp_path / "out", HUGE, [1, 2])
    history = pd.read_csv(out / "history.csv")
    last = history.groupby("seed").last()
    assert last["test_error"].tolist() == pytest.approx([test_error] * 2)
    assert last["train_error"].tolist() == pytest.approx([train_error] * 2)
    assert history.groupby("seed").tail(1)["loss"].isna().all() and history["lr"].notna().all()
    steps = {str(seed): int(step) for seed, step in last["step"].items()}
    assert json.loads((out / "run.json").read_text())["diverged_at"] == steps
    for seed, step in last["step"].items():
        assert (read(out, seed, step) == np.where(np.arange(3) == guess, 1, -1)).all()


def test_a_seed_diverges_and_the_other_keeps_its_bits(inputs, tmp_path, monkeypatch, guessed):
    """Seed 1 gets a weight of nan after its first epoch, whose evaluation stays the best."""
    healthy = run(inputs, tmp_path / "healthy", RECIPE, [1, 2])
    poison(monkeypatch, seed=1, step=10)
    out = run(inputs, tmp_path / "out", RECIPE, [1, 2])
    history, before = (pd.read_csv(folder / "history.csv") for folder in (out, healthy))
    of_two = [each[each["seed"] == 2].reset_index(drop=True) for each in (history, before)]
    pd.testing.assert_frame_equal(*of_two, check_exact=True)
    for step in pd.read_parquet(healthy / "predictions.parquet").query("seed == 2")["step"].unique():
        assert np.array_equal(read(out, 2, step), read(healthy, 2, step))
    pd.testing.assert_frame_equal(history[:1], before[:1], check_exact=True)
    diverged_at = json.loads((out / "run.json").read_text())["diverged_at"]
    assert diverged_at["2"] is None and history[history["seed"] == 1]["step"].tolist() == [8, diverged_at["1"]]
    assert diverged_at["1"] in (11, 12)
    score_runs.build([madeup.run_files(out, "c", "e", "r")], tmp_path / "results.parquet", study="s")
    scored = pd.read_parquet(tmp_path / "results.parquet").query("seed == 1").set_index("selection")
    assert scored["step"].to_dict() == {"last": diverged_at["1"], "best": 8}
    assert scored["error"]["last"] == pytest.approx(guessed[2]) and scored["failed"]["last"] >= 1


def test_an_evaluation_that_is_not_finite_is_none(inputs, tmp_path, monkeypatch, guessed):
    """All losses are finite; the logits after the second epoch are not."""
    computed, calls = evaluate.EvaluationSet.logits, iter(range(10))

    def logits(*arguments: Any) -> torch.Tensor:
        found = computed(*arguments)
        return found if next(calls) != 1 else found.fill_(float("inf"))

    monkeypatch.setattr(evaluate.EvaluationSet, "logits", logits)
    out = run(inputs, tmp_path, RECIPE, [1])
    history = pd.read_csv(out / "history.csv")
    assert history["step"].tolist() == [8, 16] and history["test_error"].iloc[1] == pytest.approx(guessed[2])
    assert json.loads((out / "run.json").read_text())["diverged_at"] == {"1": 16}


def test_with_validation_the_guess_is_that_of_the_rows_trained_on(inputs, tmp_path):
    recipe = HUGE.model_copy(update={"validation": 0.2, "patience": 2})
    last = pd.read_csv(run(inputs, tmp_path, recipe, [1]) / "history.csv").iloc[-1]
    task = finetuning.FinetuningStrategy(recipe, tiny.input_files(inputs).read(recipe), torch.device("cpu")).task(1)
    train = np.asarray(task.train.labels)[task.plan.rows]
    guess = np.bincount(train).argmax()
    errors = [100 * float((labels != guess).mean()) for labels in (train, task.test.labels, task.validation.labels)]
    assert last[["train_error", "test_error", "validation_error"]].tolist() == pytest.approx(errors)


def test_no_model_is_delivered(inputs, tmp_path):
    recipe = HUGE.model_copy(update={"save_model": True})
    with pytest.raises(UserError, match=r"seed 1: (loss|logits) .*at step \d+ of 24 \(learning rate.*lower `lr`"):
        run(inputs, tmp_path, recipe, [1], model_folder=tmp_path / "models")
    assert not (tmp_path / "history.csv").exists() and not (tmp_path / "models").exists()


def test_claims_read_the_constant_guess(inputs, tmp_path, guessed):
    """A rate at which all runs diverge fails, by test and by training errors, and more often than its base."""
    names, seeds = {"base": RECIPE.model_copy(update={"lr": 1e-3, "epochs": 20}), "huge": HUGE}, [1, 2, 3]
    groups = [
        (RunGroup("c", "e", name), run(inputs, tmp_path / name, recipe, seeds) / "predictions.parquet")
        for name, recipe in names.items()
    ]
    readings: list[predictions.Reading] = ["last", "training"]
    wanted = {("c", "e", name, reading) for name in names for reading in readings}
    outcomes = predictions.read_errors(groups, wanted)
    training = outcomes["c", "e", "huge", "training"].training
    assert training == pytest.approx(dict.fromkeys(seeds, guessed[1] / 100))

    def found(kind: Kind, reading: predictions.Reading, **weights: Literal[-1, 1]) -> assess.Finding:
        columns = [
            [Runs(weight=weight, corpus="c", encoder="e", recipe=name, seeds=seeds, reading=reading)]
            for name, weight in weights.items()
        ]
        columns = columns if kind == "fails more often" else [[runs for column in columns for runs in column]]
        return assess.assess(Contrast(kind=kind, a="a", b="b", columns=columns, margin=2), outcomes)

    files = [madeup.run_files(tmp_path / name, "c", "e", name) for name in names]
    score_runs.build(files, tmp_path / "results.parquet", study="s")
    results = pd.read_parquet(tmp_path / "results.parquet").query("selection == 'last'")
    assert results.groupby("recipe")["failed"].unique().to_dict() == {"base": [0], "huge": [3]}
    assert results.query("recipe == 'huge'")["error"].tolist() == pytest.approx([guessed[2]] * 3)

    chance = failed_runs.chance(outcomes["c", "e", "huge", "last"].labels)
    for reading, error in (("last", guessed[2]), ("training", guessed[1])):
        finding = found("fails", reading, huge=1)
        assert finding.effect is not None and finding.effect.value == pytest.approx(error / 100 - 0.8 * chance)
        assert finding.support < 0.05
        assert found("fails", reading, base=1).support == 1
        assert found("better", reading, base=-1, huge=1).support < 0.05
    counts = found("fails more often", "last", huge=1, base=-1).failures
    assert [(side.failed, side.runs) for side in counts] == [(3, 3), (0, 3)]
