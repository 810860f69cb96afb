"""Texts with several labels from their corpus file to scores: tokens, training, predictions, exported model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bertfit.batching import example_order
from bertfit.config.corpus_schema import TextForm
from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.evaluation import calibration, mistakes, predictions, score_runs
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import bert_feat, evaluate, finetuning, multitask
from bertfit.statistics import label_metrics
from bertfit.tokens import token_file, tokenize_corpus
from conftest import training_on_cpu
from helpers import madeup, tiny

NAMES = ["a", "b", "c"]
SETS = [[], [0], [0, 1], [0, 1, 2], [0, 2], [1], [1, 2], [2]]
RECIPE = Finetune(max_length=24, truncation="head", lr=5e-3, epochs=25, batch_size=16, evaluate_every=50)


def corpus_file(path: Path, words: Path, size: int, seed: int) -> list[str]:
    """Texts that have a label where they have one of its words; the texts."""
    draw = np.random.default_rng(seed)
    members = draw.random((size, 3)) < 0.4
    lines = []
    for has in members:
        chosen = draw.integers(60, tiny.WORDS, 8)
        for label in np.flatnonzero(has):
            chosen[2 * label : 2 * label + 2] = draw.integers(0, 2, 2) + 20 * label
        lines.append(" ".join(f"w{word}" for word in chosen))
    table = pa.table({"text": lines, "label": pa.array(label_sets.find(members, SETS), pa.int32())})
    metadata = {"label_names": json.dumps(NAMES)} | label_sets.metadata(SETS)
    pq.write_table(table.replace_schema_metadata(metadata), path.with_suffix(".parquet"))
    tokenize_corpus.build(path.with_suffix(".parquet"), words, TextForm(), path)
    return lines


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    corpus_file(folder / "train.arrow", words, 200, 1)
    lines = corpus_file(folder / "test.arrow", words, 80, 2)
    (folder / "lines.json").write_text(json.dumps(lines))
    tiny.encoder(folder / "encoder", words)
    return folder


def train(inputs: Path, out: Path, recipe: Finetune, **changes) -> Path:
    finetuning.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(out, [1], **changes))
    return out


@pytest.fixture(scope="module")
def trained(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    with training_on_cpu():
        return train(inputs, out, RECIPE.model_copy(update={"save_model": True}), model_folder=out / "models")


def test_a_run_learns_and_its_predictions_carry_the_sets(inputs, trained):
    (evaluation,) = predictions.last_evaluations(predictions.read_evaluations(trained / "predictions.parquet"))
    tokens = token_file.read(inputs / "test.arrow")
    assert evaluation.sets == tokens.label_sets == SETS and evaluation.logits.shape == (80, 3)
    assert (evaluation.members == label_sets.members(SETS, 3)[tokens.labels]).all()
    history = pd.read_csv(trained / "history.csv")
    wrong = (evaluation.predicted != evaluation.labels).mean()
    assert history["test_error"].iloc[-1] == pytest.approx(100 * wrong) and wrong < 0.4
    assert history["train_error"].iloc[-1] < 30 < history["train_error"].iloc[0]
    found = label_metrics.of_logits(evaluation.logits, evaluation.labels, SETS)
    assert found.subset_error == pytest.approx(wrong) and found.micro_f1 > 0.8
    score_runs.build([madeup.run_files(trained, "c", "e", "r")], trained / "results.parquet", study="s")
    scores = pd.read_parquet(trained / "results.parquet").set_index("selection").loc["last"]
    assert scores["error"] == pytest.approx(100 * wrong) and scores["macro_f1"] == pytest.approx(found.macro_f1)
    number, shown = mistakes.most_confident([trained / "predictions.parquet"], 5)
    assert number == wrong * 80 and not shown
    assert calibration.measured([trained / "predictions.parquet"]).n.sum() == 240, "each label of each text"


def test_transformers_loads_it_as_a_classifier_of_several_labels(inputs, trained):
    model = AutoModelForSequenceClassification.from_pretrained(trained / "models" / "seed1").eval()
    assert model.config.problem_type == "multi_label_classification" and model.config.id2label[1] == "b"
    tokenizer = AutoTokenizer.from_pretrained(trained / "models" / "seed1")
    coded = tokenizer(
        json.loads((inputs / "lines.json").read_text()), truncation=True, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = model(**coded).logits.numpy()
    (evaluation,) = predictions.last_evaluations(predictions.read_evaluations(trained / "predictions.parquet"))
    np.testing.assert_allclose(logits, evaluation.logits, atol=1e-3)


@pytest.mark.parametrize(
    "changes", [{"class_weights": "balanced", "focal": 1.0}, {"validation": 0.2, "patience": 1}], ids=str
)
def test_weights_and_validation_serve_several_labels(inputs, tmp_path, changes):
    recipe = RECIPE.model_copy(update={"steps": 60, "evaluate_every": 20} | changes)
    history = pd.read_csv(train(inputs, tmp_path, recipe) / "history.csv")
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["validation_error"].notna().all() == ("validation" in changes)


def test_features_serve_several_labels(inputs, tmp_path):
    recipe = Finetune(max_length=24, truncation="head", classifier="bilstm", lstm=4, lstm_attention=4, steps=3)
    bert_feat.run(recipe=recipe, files=tiny.input_files(inputs), block=tiny.block(tmp_path, [1]), cache_mb=100)
    assert predictions.read_evaluations(tmp_path / "predictions.parquet")[0].sets == SETS


def test_a_training_that_diverges_guesses_the_most_frequent_set(inputs, tmp_path):
    out = train(inputs, tmp_path, RECIPE.model_copy(update={"lr": 1e30, "steps": 40}))
    (evaluation,) = predictions.last_evaluations(predictions.read_evaluations(out / "predictions.parquet"))
    train_labels, test_labels = (token_file.read(inputs / f"{name}.arrow").labels for name in ("train", "test"))
    guess = int(np.bincount(train_labels).argmax())
    assert json.loads((out / "run.json").read_text())["diverged_at"] == {"1": evaluation.step}
    assert (evaluation.predicted == guess).all() and evaluation.sets == SETS
    last = pd.read_csv(out / "history.csv").iloc[-1]
    errors = [100 * (labels != guess).mean() for labels in (train_labels, test_labels)]
    assert last[["train_error", "test_error"]].tolist() == pytest.approx(errors)


@pytest.mark.parametrize(
    ("labels", "sets", "expected"),
    [
        ([2, 0, 2, 1], None, [-1, -1, 1]),
        ([1, 0, 0, 1], None, [1, -1, -1]),  # the first of ties
        ([2, 2, 5], SETS, [1, 1, -1]),  # {a, b}
        ([0, 0, 5], SETS, [-1, -1, -1]),  # no class
    ],
)
def test_the_constant_guess_by_hand(labels, sets, expected):
    guess = evaluate.constant_guess(np.array(labels), 3, sets)
    assert guess.dtype == torch.float32 and guess.tolist() == expected


def test_batches_are_tallied_by_sets():
    members = torch.from_numpy(label_sets.members(SETS, 3)).float()
    logits = torch.tensor([[1.0, -1, -1], [-1, -1, -1], [2, 2, -2], [5, 5, 5]])
    sums = evaluate.tally(torch.tensor(2.0), logits, torch.tensor([1, 1, 2, -100]), members=members)
    assert sums.tolist() == [6, 1, 3]


def test_a_plan_keeps_every_label_in_training():
    sets = [[], [0], [0, 1], [0, 1, 2], [3]]
    labels = np.repeat([0, 1, 2, 3, 4], [20, 60, 30, 2, 3])
    for seed in range(20):
        recipe = Finetune(validation=0.4, examples=60, batch_size=4)
        plan, held_out = example_order.plan(labels, recipe, seed, sets)
        members = label_sets.members(sets, 4)
        assert len(held_out) == 24 and len(plan.rows) == 36
        assert members[labels[plan.rows]].any(0).all()
        assert 0.1 < members[labels[held_out]][:, 1].mean() < 0.45  # 32 of 115
    with pytest.raises(UserError, match="too few for one of each"):
        example_order.plan(labels, Finetune(examples=1), 1, sets)


def test_groups_of_corpora_have_one_label_a_text(inputs, tmp_path):
    files = {"a": (inputs / "train.arrow", inputs / "test.arrow")}
    with pytest.raises(UserError, match="the texts of a have several labels"):
        multitask.run(
            multitask=Multitask(corpora=["a"]), recipe=RECIPE, corpora=files, parent=inputs / "encoder",
            vocabulary=inputs / "words" / "built", state=tmp_path / "state", out=tmp_path / "out",
            job=JobIdentity("c0de", {}), threads=1,
        )  # fmt: skip
