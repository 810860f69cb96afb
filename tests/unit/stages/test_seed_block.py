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
from bertfit.model.dropout import Noise
from bertfit.runtime import resume_state
from bertfit.stages import prediction_writer, seed_block
from bertfit.training import loop, optimizer

CPU = torch.device("cpu")
LABELS = np.array([0, 1, 1, 0], np.int32)


@dataclass
class Numbers:
    values: torch.Tensor
    tokens: int = 5


class Mean(seed_block.Progress):
    """Two updates an epoch, five in all; after step s, (s + seed) % 4 of four test answers are wrong."""

    name = "mean"

    def __init__(self, seed: int) -> None:
        super().__init__(seed, steps=5, steps_per_epoch=2, every=None, where=CPU)
        self.model, self.noise = nn.Linear(1, 2), Noise()
        nn.init.constant_(self.model.weight, seed)
        nn.init.zeros_(self.model.bias)
        groups = optimizer.param_groups(self.model, lr=0.1, weight_decay=0)
        self.optimizer = optimizer.BertAdam(groups, optimizer.Schedule(5, 0.0), clip="tensor", max_norm=1)

    def batch(self, step: int) -> Numbers:
        return Numbers(torch.full((3, 1), float(step)))

    def loss(self, batch: Numbers) -> torch.Tensor:
        logits = self.model(batch.values)
        loss = logits.square().mean()
        self.learned(loss, logits, torch.tensor([0, 0, 1]))
        return loss

    def reached(self, step: int, check) -> None:
        if self.due(step):
            logits = torch.zeros(4, 2)
            answers = [1 - label if i < (step + self.seed) % 4 else label for i, label in enumerate(LABELS)]
            logits[range(4), answers] = float(step)
            self.evaluated(
                step, lr=step / 100, logits=logits, test_error=prediction_writer.error_percent(logits, LABELS)
            )


def run(out: Path, numbers: list[int], task=Mean, **more) -> Path:
    (out.parent / "input").write_text("x")
    seed_block.run(
        task,
        seeds=numbers,
        key="k",
        labels=LABELS,
        inputs={"input": out.parent / "input"},
        where=CPU,
        threads=1,
        state=out / "state",
        predictions=out / "predictions.parquet",
        history=out / "history.csv",
        record=out / "run.json",
        job={"code": "c"},
        **more,
    )
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


def test_progress_by_hand():
    mine = seed_block.Progress(7, steps=6, steps_per_epoch=3, every=4, where=CPU)
    assert [step for step in range(7) if mine.due(step)] == [4, 6]
    mine.learned(torch.tensor(2.0), torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([0, 0]))
    mine.learned(torch.tensor(5.0), torch.tensor([[0.0, 1]]), torch.tensor([1]))
    mine.evaluated(4, lr=0.5, logits=torch.ones(1, 2), test_error=10, validation_error=30)
    mine.learned(torch.tensor(1.0), torch.tensor([[0.0, 1]]), torch.tensor([0]))
    mine.evaluated(6, lr=0.1, logits=torch.zeros(1, 2), test_error=5, validation_error=30)
    first, second = mine.memory["history"]
    assert first == {"seed": 7, "step": 4, "epoch": 4 / 3, "lr": 0.5, "loss": 3, "train_error": pytest.approx(100 / 3),
                     "test_error": 10, "validation_error": 30}  # fmt: skip
    assert (second["loss"], second["train_error"], second["test_error"]) == (1, 100, 5)
    assert mine.memory["best"] == {"error": 30, "step": 4, "epoch": 4 / 3}  # chosen on validation rows, the first
    assert mine.memory["last"]["step"] == 6 and mine.tensors["sums"].tolist() == [0, 0, 0]
    assert mine.tensors["best"].tolist() == [[1, 1]] and mine.tensors["last"].tolist() == [[0, 0]]


def test_a_block_equals_its_seeds_and_more_entries_are_kept(tmp_path):
    block = run(tmp_path / "block", [1, 2], cost={"features_mb": 3}, entries={"features": {"width": 4}})
    singly = pd.concat([pd.read_csv(run(tmp_path / str(k), [k]) / "history.csv") for k in (1, 2)], ignore_index=True)
    pd.testing.assert_frame_equal(pd.read_csv(block / "history.csv"), singly, check_exact=True)
    record = json.loads((block / "run.json").read_text())
    assert record["features"] == {"width": 4} and record["cost"]["features_mb"] == 3 and record["code"] == "c"
    assert record["cost"]["tokens"] == 50 and record["cost"]["seeds"]["2"]["steps"] == 5
    assert not (block / "state").exists()


def test_models_are_kept_and_a_finished_seed_makes_no_task(tmp_path):
    made = []

    def keep(task: Mean, folder: Path) -> None:
        with files.atomic(folder) as temporary:
            temporary.mkdir()
            (temporary / "weight").write_text(str(task.model.weight.tolist()))

    def failing(seed: int) -> Mean:
        made.append(seed)
        if seed == 2:
            raise KeyboardInterrupt
        return Mean(seed)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", [1, 2], failing, keep=keep, model_folder=tmp_path / "model")
    assert not (tmp_path / "model").exists() and not (tmp_path / "out" / "history.csv").exists()
    run(tmp_path / "out", [1, 2], lambda seed: made.append(seed) or Mean(seed), keep=keep,
        model_folder=tmp_path / "model")  # fmt: skip
    assert made == [1, 2, 2]
    for seed in (1, 2):
        task = Mean(seed)
        loop.run(task, tmp_path / "none", "k")
        assert (tmp_path / "model" / f"seed{seed}" / "weight").read_text() == str(task.model.weight.tolist())
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["seed1", "seed2"]


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
