from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional

import reference
import tiny
from bertfit import batches, encoders, evaluation, features, frozen, lstm, scoring, tokens
from bertfit.errors import UserError
from bertfit.spec import Finetune, Join, TextForm
from bertfit.truncation import truncate

TESTS = Path(__file__).parents[1]
CPU = torch.device("cpu")
RECIPE = Finetune(
    classifier="bilstm", lstm=8, lstm_attention=6, max_length=24, head_tokens=6, lr=1e-2, epochs=3, batch_size=8
)


def but(**differences) -> Finetune:
    return RECIPE.model_copy(update=differences)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    tiny.tokens_file(folder / "train.arrow", words, 60, 1)
    tiny.tokens_file(folder / "test.arrow", words, 40, 2)
    tiny.encoder(folder / "encoder", words)
    first, labels = tiny.texts(20, 3)
    second, _ = tiny.texts(20, 4)
    table = pa.table({"text": first, "answer": second, "label": pa.array(labels, pa.int32())})
    pq.write_table(
        table.replace_schema_metadata({"label_names": json.dumps(["a", "b", "c"])}), folder / "pairs.parquet"
    )
    form = TextForm(fields=["text", "answer"], pair=Join(fields=["answer"]))
    tokens.build(folder / "pairs.parquet", words, form, folder / "pairs.arrow")
    return folder


def run(inputs: Path, out: Path, recipe: Finetune, seeds: list[int], cache_mb: int = 1) -> Path:
    features.run(
        recipe=recipe,
        seeds=seeds,
        train=inputs / "train.arrow",
        test=inputs / "test.arrow",
        encoder=inputs / "encoder",
        state=out / ".state",
        predictions=out / "predictions.parquet",
        history=out / "history.csv",
        record=out / "run.json",
        job={"code": "c0de", "spec": {"seeds": seeds}},
        threads=1,
        cache_mb=cache_mb,
    )
    return out


def logits(frame: pd.DataFrame) -> np.ndarray:
    return np.stack(frame["logits"].to_list())


# ---------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize("max_length", [9, 24, 39])
def test_lengths_are_those_of_the_truncated_documents(inputs, name, max_length):
    corpus, recipe = tokens.read(inputs / f"{name}.arrow"), but(max_length=max_length)
    cut = [truncate(corpus.ids(i), corpus.pair(i), recipe, corpus.cls, corpus.sep)[0] for i in range(len(corpus))]
    assert batches.lengths(corpus, recipe).tolist() == [len(each.ids) for each in cut]


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize(
    ("layers", "combine"), [("last", "concat"), ("0", "concat"), ("all", "concat"), ("all", "mean"), ("all", "max")]
)
def test_states_are_those_of_transformers(inputs, name, layers, combine):
    """Of every token, against Hugging Face's padded forward and its hidden states."""
    corpus, recipe = tokens.read(inputs / f"{name}.arrow"), but(layers=layers, combine=combine)
    encoder = encoders.load_encoder(inputs / "encoder")
    batch = batches.collate(corpus, [5, 1, 8, 13], recipe)
    made = frozen.Frozen(encoder, recipe, CPU)
    found = made(batch)
    cut = [truncate(corpus.ids(i), corpus.pair(i), recipe, corpus.cls, corpus.sep)[0] for i in batch.examples]
    encoder.config.output_hidden_states = True
    _, out = reference.padded(encoder, cut)
    hidden = torch.stack(out.hidden_states[1:], -1)  # (B, T, D, L), without the embeddings
    expected = {
        "last": hidden[..., 1],
        "0": hidden[..., 0],
        "concat": torch.cat([hidden[..., 0], hidden[..., 1]], -1),
        "mean": hidden.mean(-1),
        "max": hidden.amax(-1),
    }[combine if layers == "all" else layers]
    assert found.shape == (batch.tokens, made.width)
    for document, part in zip(batch.documents, found.split(batch.lengths.tolist()), strict=True):
        torch.testing.assert_close(part, expected[document, : len(part)], rtol=0, atol=1e-5)


def test_no_dropout_in_the_frozen_encoder_while_the_classifier_trains(inputs, tmp_path):
    encoder = encoders.load_encoder(inputs / "encoder").train()
    assert {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}
    before = {name: weight.clone() for name, weight in encoder.named_parameters()}
    corpus = tokens.read(inputs / "train.arrow")
    made = frozen.Frozen(encoder, RECIPE, CPU)
    evaluated = evaluation.Evaluated(corpus, RECIPE, CPU, answer=features.answers(made))
    task = features.Feature(RECIPE, 1, corpus, made, evaluated, made.width, CPU)
    task.model.train()
    batch, seen = task.batch(0), []
    for step in range(3):
        task.noise.reseed(1, step)
        seen.append(made(batch))
        task.loss(batch).backward()
        task.optimizer.step(step)
    assert task.model.dropout.training and not any(module.training for module in encoder.modules())
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[0], seen[2])
    assert all(torch.equal(weight, before[name]) for name, weight in encoder.named_parameters())
    trained = {id(parameter) for parameter in task.model.parameters()}
    assert not trained & {id(parameter) for parameter in encoder.parameters()}


# ---------------------------------------------------------------------------------------------- kept states


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize(("layers", "combine"), [("last", "concat"), ("all", "concat"), ("all", "max")])
def test_kept_states_equal_computed_ones(inputs, tmp_path, monkeypatch, name, layers, combine):
    monkeypatch.setitem(batches.BATCH_TOKENS, "cpu", 100)
    corpus, recipe = tokens.read(inputs / f"{name}.arrow"), but(layers=layers, combine=combine)
    made = frozen.Frozen(encoders.load_encoder(inputs / "encoder"), recipe, CPU)
    folder = frozen.cached(made, {name: corpus}, recipe, tmp_path, "key")
    kept = frozen.Cache(folder / name, made, corpus, recipe)
    assert (folder / name).stat().st_size == batches.lengths(corpus, recipe).sum() * made.width * 4
    model = lstm.BiLSTM(made.width, 3, recipe, 1).eval()
    for examples in ([7, 2, 19, 0], range(20), [11]):
        batch = batches.collate(corpus, examples, recipe)
        torch.testing.assert_close(kept(batch), made(batch), rtol=0, atol=1e-6)
        torch.testing.assert_close(model(kept(batch), batch), model(made(batch), batch), rtol=0, atol=1e-6)


def test_half_precision_is_kept_to_the_bit(inputs, tmp_path):
    """As on CUDA: NumPy has no bfloat16, and the file takes half the room."""
    corpus = tokens.read(inputs / "train.arrow")
    made = frozen.Frozen(encoders.load_encoder(inputs / "encoder"), RECIPE, CPU)
    made.kind = torch.bfloat16
    folder = frozen.cached(made, {"train": corpus}, RECIPE, tmp_path, "key")
    rows = batches.lengths(corpus, RECIPE)
    assert (folder / "train").stat().st_size == rows.sum() * 16 * 2
    batch = batches.collate(corpus, batches.by_length(rows, 10**6)[0], RECIPE)  # the batch that was written
    found = frozen.Cache(folder / "train", made, corpus, RECIPE)(batch)
    assert found.dtype == torch.bfloat16 and torch.equal(found, made(batch))


def test_a_cache_is_reused_by_its_key_alone(inputs, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    corpora = {"train": tokens.read(inputs / "train.arrow")}
    made = frozen.Frozen(encoders.load_encoder(inputs / "encoder"), RECIPE, CPU)
    half = tmp_path / ".features-one.123.part"
    half.mkdir()
    (half / "train").write_bytes(b"half")
    (tmp_path / "seed1.safetensors").touch()
    one = frozen.cached(made, corpora, RECIPE, tmp_path, "one")
    stamp = (one / "train").stat().st_mtime_ns
    assert frozen.cached(made, corpora, RECIPE, tmp_path, "one") == one
    assert (one / "train").stat().st_mtime_ns == stamp and "are there" in caplog.text
    other = frozen.cached(made, corpora, RECIPE, tmp_path, "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "seed1.safetensors"]


def test_the_key_holds_all_that_states_depend_on(inputs):
    encoder = encoders.load_encoder(inputs / "encoder")
    paths = {"train": inputs / "train.arrow", "test": inputs / "test.arrow", "encoder": inputs / "encoder/config.json"}

    def key(recipe: Finetune, **others: Path) -> str:
        return frozen.cache_key(frozen.Frozen(encoder, recipe, CPU), recipe, paths | others)

    base = key(RECIPE)
    changed = [but(truncation="tail"), but(max_length=23), but(head_tokens=5), but(layers="0"), but(combine="max")]
    keys = [key(recipe) for recipe in changed]
    keys += [key(RECIPE, **{name: inputs / "pairs.arrow"}) for name in paths]
    assert len({base, *keys}) == 9
    assert key(but(lr=1, epochs=1, lstm=3, dropout=0.5, batch_size=1)) == base


def test_a_full_disk_is_named(inputs, tmp_path, monkeypatch):
    made = frozen.Frozen(encoders.load_encoder(inputs / "encoder"), RECIPE, CPU)

    def full(*_) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(frozen, "_write", full)
    with pytest.raises(UserError, match=r"No space left on device\); make room, or lower `cache_mb`"):
        frozen.cached(made, {"train": tokens.read(inputs / "train.arrow")}, RECIPE, tmp_path, "key")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------- runs


def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """Padded states of transformers, each document through the LSTM alone; dropout as drawn for the packed batch."""
    recipe = but(evaluate_every=6, steps=12)
    out = run(inputs, tmp_path, recipe, [3])
    train, test = tokens.read(inputs / "train.arrow"), tokens.read(inputs / "test.arrow")
    encoder = encoders.load_encoder(inputs / "encoder")
    made = frozen.Frozen(encoder, recipe, CPU)
    evaluated = evaluation.Evaluated(test, recipe, CPU, answer=features.answers(made))
    task = features.Feature(recipe, 3, train, made, evaluated, 16, CPU)
    model, plan = task.model.train(), batches.plan(train.labels, recipe, 3)[0]

    def states(corpus: tokens.Tokens, example: int) -> torch.Tensor:
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


def test_kept_or_computed_the_run_is_the_same(inputs, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    kept = run(inputs, tmp_path / "kept", RECIPE, [1], cache_mb=1)
    computed = run(inputs, tmp_path / "computed", RECIPE, [1], cache_mb=0)
    assert "within 1 MB: kept" in caplog.text and "more than 0 MB: computed for each batch" in caplog.text
    records = [json.loads((out / "run.json").read_text()) for out in (kept, computed)]
    size = sum(batches.lengths(tokens.read(inputs / f"{name}.arrow"), RECIPE).sum() for name in ("train", "test"))
    assert [record["features"] for record in records] == [
        {"kept": each, "bytes": size * 16 * 4, "width": 16, "layers": [1]} for each in (True, False)
    ]
    assert records[0]["cost"]["encoding"]["tokens"] == size and "encoding" not in records[1]["cost"]
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
    runs = [{"corpus": "c", "encoder": "e", "recipe": "r", **{
        name: out / f"{name}.{end}" for name, end in (("predictions", "parquet"), ("history", "csv"))
    }}]  # fmt: skip
    scoring.build(runs, tmp_path / "results.parquet", study="s")
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
    for name, read in (("history.csv", pd.read_csv), ("predictions.parquet", pd.read_parquet)):
        apart = pd.concat([read(out / name) for out in singly], ignore_index=True)
        together = read(block / name)
        if "logits" in together:
            assert np.array_equal(logits(together), logits(apart))
            together, apart = together.drop(columns="logits"), apart.drop(columns="logits")
        pd.testing.assert_frame_equal(together, apart, check_exact=True)
    history = pd.read_csv(block / "history.csv")
    assert history[["seed", "step"]].to_numpy().tolist() == [[1, 3], [1, 5], [2, 3], [2, 5]]  # 24 rows are 3 batches
    assert history["validation_error"].notna().all()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'scripts'}:{TESTS}", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, str(TESTS / "kill_features.py"), str(folder)], check=True, env=environment)
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize(
    ("moment", "cache", "lines"),
    [
        ("states", "computed", []),
        ("second file", "computed", []),
        ("step", "are there", ["seed 3: going on from step 6 of 14"]),
        ("evaluation", "are there", ["seed 3: going on from step 12 of 14"]),
        ("between seeds", "are there", []),
        ("writing", None, []),  # nothing is left to train: no states are needed
        ("SIGTERM", "are there", ["seed 3: going on from step 5 of 14"]),
    ],
)
def test_a_killed_job_goes_on_to_the_same_bits(killed, moment, cache, lines):
    end = killed[moment]
    assert (end["signal"], end["exit"]) == ((0, 143) if moment == "SIGTERM" else (9, None))
    assert end["digests"] == killed["undisturbed"]["digests"] and not end["state left"]
    assert [line for line in end["log"] if "going on" in line] == lines
    told = [line for line in end["log"] if "are there" in line or " computed in " in line]
    assert [cache in line for line in told] == ([True] if cache else [])
    if cache == "computed":  # what lay there was half-written, and had no name yet
        assert [name.startswith(".features-") and name.endswith(".part") for name in end["left"]] == [True]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (but(truncation="hier-mean"), "truncation=hier-mean pools .CLS. and goes with classifier=linear only"),
        (but(pooler=True), "pooler=true"),
        (but(keep="weights"), "keep=weights, but transformers cannot load a biLSTM"),
        (but(max_length=64), "max_length=64, but the encoder has 40 positions"),
        (but(layers="5"), "layers=5, but the encoder has 2 layers"),
        (but(lr=1e30), r"seed 1: loss is (nan|inf) at step \d+ of 24"),
    ],
)
def test_what_does_not_go_together_is_named(inputs, tmp_path, recipe, message):
    with pytest.raises(UserError, match=message):
        run(inputs, tmp_path, recipe, [1])
    assert not (tmp_path / "history.csv").exists()
