"""Runs of BERT-Feat: equal to a loop written out, in blocks, after kills."""

from __future__ import annotations

import json
import logging

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from bertfit.batching import example_order, packing
from bertfit.core.errors import UserError
from bertfit.evaluation import score_runs
from bertfit.hugging_face import hf_encoder
from bertfit.stages import bert_feat, evaluate, feature_cache
from bertfit.tokens import token_file
from bertfit.tokens.truncation import truncate
from helpers import kill_harness, madeup, reference, tiny
from helpers.feature_inputs import CPU, RECIPE, but, logits, make, run


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make(tmp_path_factory)


@pytest.mark.usefixtures("cpu")
def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """Padded states of transformers, each document through the LSTM alone; dropout as drawn for the packed batch."""
    recipe = but(evaluate_every=6, steps=12)
    out = run(inputs, tmp_path, recipe, [3])
    train, test = token_file.read(inputs / "train.arrow"), token_file.read(inputs / "test.arrow")
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    made = feature_cache.Frozen(encoder, recipe, CPU)
    evaluated = evaluate.EvaluationSet(test, recipe, CPU, answer=bert_feat.answers(made))
    task = bert_feat.FeatureTask(recipe, 3, train, made, evaluated, 16, CPU)
    model, plan = task.model.train(), example_order.plan(train.labels, recipe, 3)[0]

    def states(corpus: token_file.Tokens, example: int) -> torch.Tensor:
        cut = truncate(corpus.ids(example), None, recipe, corpus.cls, corpus.sep)
        with torch.no_grad():
            return reference.padded(encoder, cut)[1].last_hidden_state[0]

    def pooled(rows: torch.Tensor) -> torch.Tensor:
        hidden = model.lstm(rows[:, None])[0][:, 0]
        return torch.softmax(torch.tanh(hidden @ model.hidden.weight.T) @ model.score.weight[0], 0) @ hidden

    rows, losses, wrong, found = [], [], 0, {}
    for step in range(12):
        examples = plan.examples(step)
        labels = torch.from_numpy(train.labels[examples]).long()
        model.noise.reseed(3, step)
        each = [states(train, example) for example in examples]
        ascending = np.argsort([len(part) for part in each], kind="stable")
        kept = torch.cat([each[i] for i in ascending])
        kept = (kept * model.noise.keep(kept.shape, 0.1)).split([len(each[i]) for i in ascending])
        parts = [pooled(kept[list(ascending).index(i)]) for i in range(len(each))]
        answers = model.output(torch.stack(parts) * model.noise.keep(torch.Size([len(parts), 16]), 0.1))
        loss = functional.cross_entropy(answers, labels)
        loss.backward()
        task.optimizer.step(step)
        losses += [loss.item()] * len(labels)
        wrong += int((answers.argmax(1) != labels).sum())
        if step in (5, 11):
            with torch.no_grad():
                predicted = torch.stack([model.output(pooled(states(test, i))) for i in range(40)])
            found[step + 1] = predicted.numpy()
            error = 100 * (predicted.argmax(1).numpy() != test.labels).mean()
            rows.append([step + 1, (step + 1) / 8, np.mean(losses), 100 * wrong / len(losses), error])
            losses, wrong = [], 0
    history = pd.read_csv(out / "history.csv")
    columns = ["step", "epoch", "loss", "train_error", "test_error"]
    np.testing.assert_allclose(history[columns].to_numpy(), np.array(rows, float), atol=1e-4)
    for step, frame in pd.read_parquet(out / "predictions.parquet").groupby("step"):
        np.testing.assert_allclose(logits(frame), found[step], atol=1e-4)


@pytest.mark.usefixtures("cpu")
def test_kept_or_computed_the_run_is_the_same(inputs, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    kept = run(inputs, tmp_path / "kept", RECIPE, [1], cache_mb=1)
    computed = run(inputs, tmp_path / "computed", RECIPE, [1], cache_mb=0)
    assert "within 1 MB: cached" in caplog.text and "more than 0 MB: computed for each batch" in caplog.text
    records = [json.loads((out / "run.json").read_text()) for out in (kept, computed)]
    size = sum(packing.lengths(token_file.read(inputs / f"{name}.arrow"), RECIPE).sum() for name in ("train", "test"))
    assert [record["features"] for record in records] == [
        {"cached": each, "bytes": size * 16 * 4, "width": 16, "layers": [1]} for each in (True, False)
    ]
    assert records[0]["cost"]["encoding"]["tokens"] == size and "encoding" not in records[1]["cost"]
    assert 0 < records[0]["cost"]["encoding"]["test_seconds"] < records[0]["cost"]["encoding"]["seconds"]
    assert records[0]["cost"]["encoding"]["energy"]["cpu_kwh"] > 0
    classifiers = [record["classifier"] for record in records]
    assert classifiers[0]["parameters"] == classifiers[1]["parameters"] > records[0]["encoder"]["parameters"]
    assert classifiers[0]["evaluation"]["seconds"] > records[0]["cost"]["encoding"]["test_seconds"], "with the states"
    histories = [pd.read_csv(out / "history.csv").to_numpy(float) for out in (kept, computed)]
    np.testing.assert_allclose(*histories, atol=1e-5)
    np.testing.assert_allclose(
        *(logits(pd.read_parquet(out / "predictions.parquet")) for out in (kept, computed)), atol=1e-5
    )
    assert not (kept / ".state").exists() and not (computed / ".state").exists()


def test_it_learns_and_can_be_scored(inputs, tmp_path):
    """The first six words say the class; the encoder's weights are random, but its states differ from word to word."""
    words = inputs / "words" / "built"
    tiny.tokens_file(tmp_path / "train.arrow", words, 400, 1)
    tiny.tokens_file(tmp_path / "test.arrow", words, 40, 2)
    (tmp_path / "encoder").symlink_to(inputs / "encoder")
    recipe = but(truncation="head", max_length=8, layers="0", lstm=16, epochs=4)
    out = run(tmp_path, tmp_path / "out", recipe, [1, 2])
    score_runs.build([madeup.run_files(out, "c", "e", "r")], tmp_path / "results.parquet", study="s")
    scored = pd.read_parquet(tmp_path / "results.parquet")
    assert scored[["seed", "selection"]].to_numpy().tolist() == [[1, "last"], [1, "best"], [2, "last"], [2, "best"]]
    assert (scored["error"] <= 15).all()  # 67 by chance
    record = json.loads((out / "run.json").read_text())
    assert record["code"] == "c0de" and set(record["inputs"]) == {"train", "test", "encoder"}


@pytest.mark.parametrize("cache_mb", [1, 0], ids=["kept", "computed"])
def test_a_block_equals_its_seeds_run_singly(inputs, tmp_path, cache_mb):
    recipe = but(fraction=0.5, validation=0.2, truncation="tail", layers="all", epochs=1.5)
    block = run(inputs, tmp_path / "block", recipe, [1, 2], cache_mb)
    singly = [run(inputs, tmp_path / str(seed), recipe, [seed], cache_mb) for seed in (1, 2)]
    tiny.assert_same_as_alone(block, singly)
    history = pd.read_csv(block / "history.csv")
    assert history[["seed", "step"]].to_numpy().tolist() == [[1, 3], [1, 5], [2, 3], [2, 5]]  # 24 rows are 3 batches
    assert history["validation_error"].notna().all()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return kill_harness.report("features", tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize(
    ("moment", "cache", "lines"),
    [
        ("states", "computed", []),
        ("second file", "computed", []),
        ("step", "computed before", ["seed 3: resuming from step 6 of 14"]),
        ("evaluation", "computed before", ["seed 3: resuming from step 12 of 14"]),
        ("between seeds", "computed before", []),
        ("writing", None, []),  # nothing is left to train: no states are needed
        ("SIGTERM", "computed before", ["seed 3: resuming from step 5 of 14"]),
    ],
)
def test_a_killed_job_resumes_bit_identically(killed, moment, cache, lines):
    end = killed[moment]
    log = end["log"].splitlines()
    assert (end["signal"], end["exit"]) == ((0, 143) if moment == "SIGTERM" else (9, None))
    assert end["digests"] == killed["undisturbed"]["digests"] and not end["state left"]
    assert [line for line in log if "resuming from" in line] == lines
    told = [line for line in log if "computed before" in line or " computed in " in line]
    assert [cache in line for line in told] == ([True] if cache else [])
    if cache == "computed":  # what lay there was half-written, and had no name yet
        assert [name.startswith(".features-") and name.endswith(".part") for name in end["state"]] == [True]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (but(max_length=64), "max_length=64, but the encoder has 40 positions"),
        (but(layers="5"), "layers=5, but the encoder has 2 layers"),
    ],
)
def test_what_does_not_go_together_is_named(inputs, tmp_path, recipe, message):
    with pytest.raises(UserError, match=message):
        run(inputs, tmp_path, recipe, [1])
    assert not (tmp_path / "history.csv").exists()


def test_a_training_that_diverges_is_a_failed_run(inputs, tmp_path):
    history = pd.read_csv(run(inputs, tmp_path, but(lr=1e30), [1]) / "history.csv")
    last = history.iloc[-1]
    assert json.loads((tmp_path / "run.json").read_text())["diverged_at"] == {"1": last["step"]}
    assert np.isnan(last["loss"]) and last["step"] <= 24
    labels = token_file.read(inputs / "test.arrow").labels
    guess = np.bincount(token_file.read(inputs / "train.arrow").labels).argmax()
    assert last["test_error"] == pytest.approx(100 * (labels != guess).mean())
