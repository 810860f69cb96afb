"""A block of seeds with a task that is no classifier: one weight that goes to the mean of its batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model.dropout import Noise
from bertfit.runtime import resume_state
from bertfit.stages import prediction_writer, seed_block
from bertfit.stages.evaluate import tally
from bertfit.training import checkpoint, loop, optimizer
from bertfit.training.schedules import Schedule
from helpers import tiny
from helpers.plain_task import PlainTask

CPU = torch.device("cpu")
LABELS = np.array([0, 1, 1, 0], np.int32)


@dataclass
class Numbers:
    values: torch.Tensor
    tokens: int = 5


class Mean(PlainTask, seed_block.EvaluationHistory):
    """Two updates an epoch, five in all; after step s, (s + seed) % 4 of four test answers are wrong."""

    name = "mean"

    def __init__(self, seed: int) -> None:
        super().__init__(seed, steps=5, steps_per_epoch=2, every=None, device=CPU)
        self.model, self.noise = nn.Linear(1, 2), Noise()
        nn.init.constant_(self.model.weight, seed)
        nn.init.zeros_(self.model.bias)
        groups = optimizer.param_groups(self.model, lr=0.1, weight_decay=0)
        self.optimizer = optimizer.BertAdam(groups, Schedule(5, 0.0), clip="tensor", max_norm=1)

    def batch(self, step: int) -> Numbers:
        return Numbers(torch.full((3, 1), float(step)))

    def loss(self, batch: Numbers) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.model(batch.values)
        loss = logits.square().mean()
        return loss, tally(loss, logits, torch.tensor([0, 0, 1]))

    def reached(self, step: int, check) -> None:
        if self.evaluation_due(step):
            check()
            logits = torch.zeros(4, 2)
            answers = [1 - label if i < (step + self.seed) % 4 else label for i, label in enumerate(LABELS)]
            logits[range(4), answers] = float(step)
            self.record_evaluation(
                step, lr=step / 100, logits=logits, test_error=prediction_writer.error_percent(logits, LABELS)
            )

    def diverged(self, step: int) -> None:
        """Guesses the class 1, of two in four test answers."""
        logits = torch.tensor([[-1.0, 1.0]]).repeat(4, 1)
        self.record_divergence(step, lr=step / 100, logits=logits, train_error=100 / 3, test_error=50)


class Poisoned(Mean):
    """The loss of seed 2 is not finite from its fourth update on."""

    def batch(self, step: int) -> Numbers:
        return Numbers(torch.full((3, 1), float("nan") if self.seed == 2 and step >= 3 else float(step)))


class MeanStrategy(seed_block.Strategy[Mean]):
    def __init__(self, folder: Path) -> None:
        (folder / "input").write_text("x")
        super().__init__(key="k", labels=LABELS, input_files={"input": folder / "input"}, device=CPU)

    def task(self, seed: int) -> Mean:
        return Mean(seed)


def run(out: Path, seeds: list[int], strategy: MeanStrategy | None = None, **changes) -> Path:
    tiny.block(out, seeds, **changes).train(strategy or MeanStrategy(out.parent))
    return out


def test_history_and_predictions_by_hand(tmp_path):
    out = run(tmp_path / "out", [1, 2])
    history = pd.read_csv(out / "history.csv")
    assert history[["seed", "step", "epoch", "lr"]].to_numpy().tolist() == [
        [1, 2, 1, 0.02], [1, 4, 2, 0.04], [1, 5, 2.5, 0.05], [2, 2, 1, 0.02], [2, 4, 2, 0.04], [2, 5, 2.5, 0.05]
    ]  # fmt: skip
    assert history["test_error"].tolist() == [75, 25, 50, 0, 50, 75]
    assert history["train_error"].tolist() == pytest.approx([100 / 3] * 6)  # equal logits answer 0; labels are 0, 0, 1
    predictions = pd.read_parquet(out / "predictions.parquet")
    assert predictions[["seed", "step"]].drop_duplicates().to_numpy().tolist() == [[1, 4], [1, 5], [2, 2], [2, 5]]
    best = predictions.query("seed == 1 and step == 4")  # the answer 0 of four is wrong
    assert np.stack(best["logits"].to_list()).tolist() == [[0, 4], [0, 4], [0, 4], [4, 0]]
    assert best["label"].tolist() == LABELS.tolist() and set(best["epoch"]) == {2.0}


class PoisonedStrategy(MeanStrategy):
    def task(self, seed: int) -> Mean:
        return Poisoned(seed)


def test_a_seed_that_diverges_is_a_result_and_the_others_go_on(tmp_path):
    """The evaluation of step 2 stays; the fourth loss is not finite, and the rest is the guess."""
    out = run(tmp_path / "out", [1, 2, 3], PoisonedStrategy(tmp_path))
    healthy = run(tmp_path / "healthy", [1, 2, 3])
    history, before = (pd.read_csv(folder / "history.csv") for folder in (out, healthy))
    pd.testing.assert_frame_equal(*(each[each["seed"] != 2].reset_index(drop=True) for each in (history, before)))
    of_two = history[history["seed"] == 2]
    assert of_two[["step", "epoch", "lr", "test_error"]].to_numpy().tolist() == [[2, 1, 0.02, 0], [4, 2, 0.04, 50]]
    assert of_two["loss"].isna().tolist() == [False, True] and of_two["train_error"].iloc[1] == pytest.approx(100 / 3)
    ours, theirs = (pd.read_parquet(folder / "predictions.parquet") for folder in (out, healthy))
    for seed in (1, 3):
        rows = [np.stack(each[each["seed"] == seed]["logits"].to_list()) for each in (ours, theirs)]
        assert np.array_equal(*rows)
    assert ours.query("seed == 2")["step"].unique().tolist() == [2, 4]
    assert np.stack(ours.query("seed == 2 and step == 4")["logits"].to_list()).tolist() == [[-1, 1]] * 4
    record = json.loads((out / "run.json").read_text())
    assert record["diverged_at"] == {"1": None, "2": 4, "3": None} and record["cost"]["seeds"]["2"]["steps"] == 4
    assert json.loads((healthy / "run.json").read_text())["diverged_at"] == dict.fromkeys("123")
    assert record["cost"]["seeds"]["2"]["tokens"] == 20


def test_a_guess_is_the_best_evaluation_only_where_there_is_no_other():
    for before, best in (([], 3), ([80], 2)):
        progress = seed_block.EvaluationHistory(1, steps=6, steps_per_epoch=2, every=None, device=CPU)
        for error in before:
            progress.record(torch.tensor([1.0, 0.0, 1.0]))
            progress.record_evaluation(2, lr=0, logits=torch.zeros(1, 2), test_error=error)
        progress.record_divergence(3, lr=0, logits=torch.ones(1, 2), train_error=50, test_error=50)
        assert progress.memory["best"]["step"] == best and progress.memory["last"] == {"step": 3, "epoch": 1.5}
        assert progress.memory["diverged_at"] == 3 and progress.memory["history"][-1]["loss"] is None


@pytest.mark.parametrize("moment", [1, 2, 3])  # before seed 2, after it diverged, and after everything
def test_a_block_resumes_before_and_after_a_divergence(tmp_path, monkeypatch, moment):
    out, whole = tmp_path / "out", run(tmp_path / "whole", [1, 2, 3], PoisonedStrategy(tmp_path))
    monkeypatch.setenv(loop.SAVE_STEPS, "1")
    saved = []

    def killed(*arguments) -> None:
        save(*arguments)
        saved.append(arguments[0])
        if sum(path.name.endswith(".done.safetensors") for path in saved) == moment:
            raise KeyboardInterrupt

    save = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            run(out, [1, 2, 3], PoisonedStrategy(tmp_path))
    run(out, [1, 2, 3], PoisonedStrategy(tmp_path))
    for name in ("history.csv", "predictions.parquet"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert json.loads((out / "run.json").read_text())["diverged_at"]["2"] == 4


def test_no_model_of_a_guess_is_delivered(tmp_path):
    class Exporting(PoisonedStrategy, seed_block.ExportingStrategy[Mean]):
        def export(self, task: Mean, folder: Path) -> None:
            folder.mkdir()

    with pytest.raises(UserError, match=r"mean: loss is nan at step 4 of 5 .*training diverged: lower `lr`"):
        run(tmp_path / "out", [2], Exporting(tmp_path), model_folder=tmp_path / "models")
    assert not (tmp_path / "models").exists() and not (tmp_path / "out" / "history.csv").exists()


def test_progress_by_hand():
    progress = seed_block.EvaluationHistory(7, steps=6, steps_per_epoch=3, every=4, device=CPU)
    assert [step for step in range(7) if progress.evaluation_due(step)] == [4, 6]
    progress.record(tally(torch.tensor(2.0), torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([0, 0])))
    progress.record(tally(torch.tensor(5.0), torch.tensor([[0.0, 1]]), torch.tensor([1])))
    progress.record_evaluation(4, lr=0.5, logits=torch.ones(1, 2), test_error=10, validation_error=30)
    progress.record(tally(torch.tensor(1.0), torch.tensor([[0.0, 1]]), torch.tensor([0])))
    progress.record_evaluation(6, lr=0.1, logits=torch.zeros(1, 2), test_error=5, validation_error=30)
    first, second = progress.memory["history"]
    assert first == {"seed": 7, "step": 4, "epoch": 4 / 3, "lr": 0.5, "loss": 3, "train_error": pytest.approx(100 / 3),
                     "test_error": 10, "validation_error": 30}  # fmt: skip
    assert (second["loss"], second["train_error"], second["test_error"]) == (1, 100, 5)
    assert progress.memory["best"] == {"error": 30, "step": 4, "epoch": 4 / 3}  # chosen on validation rows, the first
    assert progress.memory["last"]["step"] == 6 and progress.tensors["sums"].tolist() == [0, 0, 0]
    assert progress.tensors["best"].tolist() == [[1, 1]] and progress.tensors["last"].tolist() == [[0, 0]]


def recorded(patience: int | None, errors: list[float]) -> tuple[list[int], int, int]:
    """Steps at which errors are recorded, best and last step of a run of one evaluation a step."""
    progress = seed_block.EvaluationHistory(
        1, steps=len(errors), steps_per_epoch=1, every=None, device=CPU, patience=patience
    )
    step = 0
    while step < progress.steps:
        step += 1
        progress.record(torch.tensor([1.0, 0.0, 1.0]))
        best = progress.record_evaluation(
            step, lr=0, logits=torch.zeros(1, 2), test_error=0, validation_error=errors[step - 1]
        )
        assert best == (progress.memory["best"]["step"] == step)
    assert progress.steps == step
    return [row["step"] for row in progress.memory["history"]], progress.memory["best"]["step"], step


@pytest.mark.parametrize(
    ("patience", "errors", "best", "last"),
    [
        (2, [5, 4, 4, 4, 1], 2, 4),  # an equal error is no lower one
        (1, [5, 6, 1], 1, 2),
        (2, [5, 6, 4, 6, 3, 9], 5, 6),  # the run ends before its patience does
        (3, [5, 5, 5, 5, 5], 1, 4),
        (None, [1, 5, 5, 5], 1, 4),
    ],
)
def test_patience_by_hand(patience, errors, best, last):
    assert recorded(patience, errors) == (list(range(1, last + 1)), best, last)


def test_a_block_equals_its_seeds_and_more_entries_are_kept(tmp_path):
    class WithEntries(MeanStrategy):
        def extra_cost(self):
            return {"features_mb": 3}

        def extra_entries(self):
            return {"features": {"width": 4}}

    block = run(tmp_path / "block", [1, 2], WithEntries(tmp_path))
    singly = pd.concat([pd.read_csv(run(tmp_path / str(k), [k]) / "history.csv") for k in (1, 2)], ignore_index=True)
    pd.testing.assert_frame_equal(pd.read_csv(block / "history.csv"), singly, check_exact=True)
    record = json.loads((block / "run.json").read_text())
    assert record["features"] == {"width": 4} and record["cost"]["features_mb"] == 3 and record["code"] == "c0de"
    assert record["cost"]["tokens"] == 50 and record["cost"]["seeds"]["2"]["steps"] == 5
    assert not (block / ".state").exists()


def test_models_are_exported_and_a_finished_seed_makes_no_task(tmp_path):
    started = []

    class Interrupted(MeanStrategy, seed_block.ExportingStrategy[Mean]):
        at = 2

        def task(self, seed: int) -> Mean:
            started.append(seed)
            if seed == self.at:
                raise KeyboardInterrupt
            return Mean(seed)

        def export(self, task: Mean, folder: Path) -> None:
            with files.atomic(folder) as temporary:
                temporary.mkdir()
                (temporary / "weight").write_text(str(task.model.weight.tolist()))

    out, models = tmp_path / "out", tmp_path / "models"
    strategy = Interrupted(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(out, [1, 2], strategy, model_folder=models)
    assert not models.exists() and not (out / "history.csv").exists()
    strategy.at = 0
    run(out, [1, 2], strategy, model_folder=models)
    assert started == [1, 2, 2]
    for seed in (1, 2):
        task = Mean(seed)
        loop.run(task, tmp_path / "none", "k")
        assert (models / f"seed{seed}" / "weight").read_text() == str(task.model.weight.tolist())
    assert sorted(path.name for path in models.iterdir()) == ["seed1", "seed2"]


def test_a_strategy_without_models_says_so(tmp_path):
    with pytest.raises(ValueError, match="MeanStrategy exports no models"):
        run(tmp_path / "out", [1], model_folder=tmp_path / "models")
    assert not (tmp_path / "out").exists()  # before anything is trained


def test_the_key_holds_recipe_and_content(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b")
    recipe = Finetune().model_dump()
    key = resume_state.key(recipe, inputs={"train": one})
    assert key == resume_state.key(Finetune(lr=2e-5).model_dump(), inputs={"train": one})
    others = [
        resume_state.key(recipe, inputs={"train": other}),
        resume_state.key(recipe, inputs={"test": one}),
        resume_state.key(Finetune(lr=1e-5).model_dump(), inputs={"train": one}),
        resume_state.key(recipe, 1, inputs={"train": one}),
    ]
    assert len({key, *others}) == 5
