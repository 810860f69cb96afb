"""Multi-task fine-tuning: equality with single-task fine-tuning, sampling, heads, folders, kills."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from bertfit.batching import packing
from bertfit.batching.multitask_sampling import Mixture
from bertfit.config.corpus_schema import TextForm
from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import evaluate, finetuning, multitask
from bertfit.tokens import token_file, tokenize_corpus
from bertfit.training import loop, optimizer
from bertfit.training.schedules import Schedule
from helpers import kill_harness, tiny
from helpers.kill_harness import assert_killed_at_random, assert_resumed_bit_identically

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=2, batch_size=8)
CLASSES = {"a": 3, "b": 2, "c": 4}
SIZES = {"a": 60, "b": 21, "c": 16}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Three corpora of 3, 2 and 4 classes, an encoder."""
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    tiny.encoder(folder / "encoder", words)
    for number, (name, classes) in enumerate(CLASSES.items()):
        for split, size in (("train", SIZES[name]), ("test", 10)):
            lines, labels = tiny.texts(size, 10 * number + len(split))
            labels = [label % classes if classes < 3 else label for label in labels]
            labels[0] = classes - 1
            table = pa.table({"text": lines, "label": pa.array(labels, pa.int32())})
            names = json.dumps([f"{name}{label}" for label in range(classes)])
            pq.write_table(table.replace_schema_metadata({"label_names": names}), folder / "rows.parquet")
            tokenize_corpus.build(folder / "rows.parquet", words, TextForm(), folder / f"{name}.{split}.arrow")
    return folder


def read(inputs: Path, *names: str) -> dict[str, tuple[token_file.Tokens, token_file.Tokens]]:
    return {
        name: (token_file.read(inputs / f"{name}.train.arrow"), token_file.read(inputs / f"{name}.test.arrow"))
        for name in names
    }


def group(*names: str, **given) -> Multitask:
    return Multitask.model_validate({"corpora": names, "seed": 3, "order": "epochs"} | given)


def run(inputs: Path, out: Path, declared: Multitask, recipe: Finetune = RECIPE, parent: Path | None = None) -> Path:
    multitask.run(
        multitask=declared,
        recipe=recipe,
        corpora={name: (inputs / f"{name}.train.arrow", inputs / f"{name}.test.arrow") for name in declared.corpora},
        parent=parent or inputs / "encoder",
        vocabulary=inputs / "words" / "built",
        state=out.with_name("state"),
        out=out,
        job=JobIdentity("c0de", {}),
        threads=1,
    )
    return out


# ------------------------------------------------------------------------------------------ one corpus


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"truncation": "head", "layer_decay": 0.9, "epochs": 1.5, "evaluate_every": 5},
        {"steps": 7, "fraction": 0.5, "validation": 0.2},
        {"truncation": "tail", "embeddings": "decayed", "batch_size": 7, "minimum_steps": 20},
        {"clip_by": "global", "bias_correction": True, "schedule": "continuous", "examples": 30, "pooler": True},
        {"layers": "all", "combine": "mean", "frozen": 1, "layer_decay": 0.5},
    ],
)
def test_one_corpus_is_single_task_fine_tuning(inputs, tmp_path, changes):
    """The same bits of encoder and head, and the same history."""
    recipe = RECIPE.model_copy(update=changes)
    (train, test), device = read(inputs, "a")["a"], torch.device("cpu")
    encoder = hf_encoder.load_encoder(inputs / "encoder", pooler=recipe.pooler)
    one = finetuning.FinetuningTask(recipe, 3, train, evaluate.EvaluationSet(test, recipe, device), encoder, device)
    many = multitask.MultitaskTask(group("a"), recipe, read(inputs, "a"), encoder, device)
    loop.run(one, tmp_path / "one", "k")
    loop.run(many, tmp_path / "many", "k")
    expected = one.model.state_dict()
    assert one.steps == many.steps and list(expected) == list(many.model.state_dict())
    assert all(torch.equal(weight, expected[name]) for name, weight in many.model.state_dict().items())
    trained = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(expected[f"encoder.{trained}"], encoder.state_dict()[trained])
    columns = ["step", "lr", "loss", "train_error", "test_error"]
    history = pd.DataFrame(many.memory["history"], columns=multitask.HISTORY)
    pd.testing.assert_frame_equal(history[columns], pd.DataFrame(one.memory["history"])[columns])
    assert set(history["corpus"]) == {"a"}


# ------------------------------------------------------------------------------------------ several corpora


@pytest.mark.usefixtures("cpu")
def test_run_equals_a_loop_written_out(inputs, tmp_path):
    """A linear head for each corpus as modules of their own, each with gradients of zero on the others' batches."""
    declared = group("a", "b", "c")
    out = run(inputs, tmp_path / "encoder", declared)
    corpora = {name: train for name, (train, _) in read(inputs, "a", "b", "c").items()}
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    drawn = classifier_head.Classifier(encoder, sum(CLASSES.values()), RECIPE, 3).output.weight.detach()
    model = classifier_head.Classifier(encoder, 1, RECIPE, 3).train()
    model.output = torch.nn.Identity()
    heads = torch.nn.ModuleList([torch.nn.Linear(16, classes) for classes in CLASSES.values()])
    for head, weight in zip(heads, drawn.split(list(CLASSES.values())), strict=True):
        head.weight.data, head.bias.data = weight.clone(), torch.zeros_like(head.bias)
    whole = torch.nn.ModuleDict({"body": model, "heads": heads})
    adam = optimizer.BertAdam(
        optimizer.param_groups(whole, lr=2e-3, weight_decay=0.01),
        Schedule(24, 0.1),
        clip="tensor",
        max_norm=1.0,
    )
    mixture = Mixture({name: np.arange(size) for name, size in SIZES.items()}, declared, RECIPE)
    assert (mixture.counts, mixture.steps, mixture.schedule) == ([8, 3, 2], 26, 24)  # int(97 / 8 * 2)
    for step in range(26):
        corpus, rows = mixture.examples(step)
        batch = packing.collate(list(corpora.values())[corpus], rows, RECIPE)
        model.noise.reseed(3, step)
        vectors = model(batch)
        loss = functional.cross_entropy(heads[corpus](vectors), torch.from_numpy(batch.labels))
        (loss + sum(0 * parameter.sum() for parameter in heads.parameters())).backward()
        adam.step(step)
    weights = load_file(out / "model.safetensors")
    for name, weight in model.encoder.state_dict().items():
        # softmax does not feel a bias of the keys: its gradient is rounding alone, which Adam makes large
        atol = 1e-4 if name.endswith("key.bias") else 1e-6
        torch.testing.assert_close(weights[f"bert.{name}"], weight, rtol=1e-4, atol=atol)


def test_a_batch_has_one_corpus_and_its_head_alone_learns(inputs):
    corpora = read(inputs, "a", "b", "c")
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    task = multitask.MultitaskTask(group("a", "b", "c"), RECIPE, corpora, encoder, torch.device("cpu"))
    assert task.model.output.out_features == 9 and task.heads == [slice(0, 3), slice(3, 5), slice(5, 9)]
    seen = set()
    for step in range(13):
        batch = task.batch(step)
        train = list(corpora.values())[batch.corpus][0]
        assert batch.labels.tolist() == train.labels[batch.examples].tolist()
        for document, example in enumerate(batch.examples):
            (piece,) = np.flatnonzero(batch.documents == document)
            start = batch.starts[piece]
            ids = batch.input_ids[start : start + batch.lengths[piece]]
            assert ids[1:-1][:6].tolist() == train.ids(example)[:6].tolist()
        loss, sums = task.loss(task.inputs(batch))
        task.record(sums)
        loss.backward()
        moved = task.model.output.bias.grad.nonzero().flatten().tolist()
        assert set(moved) == set(range(9)[task.heads[batch.corpus]])
        task.optimizer.zero_grad()
        seen.add(batch.corpus)
    assert seen == {0, 1, 2}
    assert task.tensors["sums"][:, 2].tolist() == list(SIZES.values())  # an epoch covers each corpus once


def test_history_and_folder(inputs, tmp_path):
    from transformers import AutoModel, BertForPreTraining, BertTokenizer

    out = run(inputs, tmp_path / "encoder", group("a", "b", "c"), RECIPE.model_copy(update={"evaluate_every": 10}))
    history = pd.read_csv(out / "history.csv")
    assert list(history.columns) == ["step", "corpus", "lr", "loss", "train_error", "test_error"]
    assert history["step"].tolist() == [step for step in (10, 20, 26) for _ in CLASSES]
    assert history["corpus"].tolist() == list(CLASSES) * 3
    rate = Schedule(24, 0.1)
    assert history["lr"].tolist() == pytest.approx([2e-3 * rate.factor(step) for step in (9, 19, 25) for _ in CLASSES])
    assert history["test_error"].between(0, 100).all()

    model, report = BertForPreTraining.from_pretrained(out, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    before = BertForPreTraining.from_pretrained(inputs / "encoder").state_dict()
    after = model.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    untouched = {name for name in before if name.startswith(("cls.", "bert.pooler."))}
    tied = {"cls.predictions.decoder.weight"}
    assert untouched - tied == same - tied and not tied & same
    assert AutoModel.from_pretrained(out).config.vocab_size == len(BertTokenizer.from_pretrained(out)) == tiny.WORDS + 5
    record = json.loads((out / "run.json").read_text())
    assert record["heads"] == "the parent's, not trained" and record["newly_initialised"] == []
    assert record["batches_per_epoch"] == {"a": 8, "b": 3, "c": 2}
    assert record["cost"]["steps"] == 26 and record["cost"]["tokens"] > 0 and record["code"] == "c0de"
    assert set(record["inputs"]) == {"parent", "vocabulary", *(f"{n}/{s}" for n in CLASSES for s in ("train", "test"))}
    assert not (tmp_path / "state").exists()


def test_a_corpus_without_a_batch_since_the_last_row_has_no_loss(inputs, tmp_path):
    recipe = RECIPE.model_copy(update={"evaluate_every": 1, "steps": 2})
    history = pd.read_csv(run(inputs, tmp_path / "encoder", group("a", "b", "c"), recipe) / "history.csv")
    assert history.groupby("step")["loss"].count().tolist() == [1, 1] and history["test_error"].notna().all()


def test_heads_that_nobody_trained_stay_known_as_such(inputs, tmp_path):
    parent = tmp_path / "parent"
    model = hf_encoder.scratch(tiny.SHAPE, tiny.WORDS + 5, 1)
    record = json.dumps({"heads": "newly initialised", "newly_initialised": ["cls.predictions.bias"]})
    hf_encoder.save(model, inputs / "words" / "built", parent, {"run.json": record})
    out = run(inputs, tmp_path / "encoder", group("b"), RECIPE.model_copy(update={"steps": 2}), parent)
    assert json.loads((out / "run.json").read_text())["newly_initialised"] == ["cls.predictions.bias"]


def test_the_encoder_learns_all_corpora(inputs, tmp_path):
    # at 5e-3 so small an encoder is on the edge of divergence: bfloat16 on a GPU then learns next to nothing
    recipe = RECIPE.model_copy(update={"epochs": 12, "lr": 2e-3, "dropout": 0.0, "attention_dropout": 0.0})
    history = pd.read_csv(run(inputs, tmp_path / "encoder", group("a", "b", "c"), recipe) / "history.csv")
    first, last = (history[history["step"] == step].set_index("corpus")["loss"] for step in (13, 156))
    assert (last < 0.5 * first).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_length": 64}, "max_length=64, but the encoder has 40 positions"),
        ({"lr": 1e30}, r"multi-task fine-tuning: loss is (nan|inf) at step \d+ of \d+ .*training diverged: lower `lr`"),
    ],
)
def test_recipes_that_do_not_fit_are_named(inputs, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(inputs, tmp_path / "x", group("a"), RECIPE.model_copy(update=changes))


def test_other_vocabularies_are_named(inputs, tmp_path):
    hf_encoder.save(hf_encoder.scratch(tiny.SHAPE, 50, 1), inputs / "words" / "built", tmp_path / "small", {})
    with pytest.raises(UserError, match=r"a\.train\.arrow: made with 85 word pieces, but the encoder has 50"):
        run(inputs, tmp_path / "x", group("a"), parent=tmp_path / "small")


# ------------------------------------------------------------------------------------------ kills


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return kill_harness.report("multitask", tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize(
    ("moment", "signal", "status", "step"),
    [
        ("evaluation", 9, None, 24),
        ("half a state", 9, None, 12),
        ("SIGTERM", 0, 143, 6),
        ("SIGTERM in evaluation", 0, 143, 26),
        ("in its place", 9, None, 24),
    ],
)
def test_killed_runs_resume_bit_identically(killed, moment, signal, status, step):
    assert (killed[moment]["signal"], killed[moment]["exit"]) == (signal, status)
    assert f"resuming from step {step} of" in killed[moment]["log"]
    assert_resumed_bit_identically(killed, moment)


def test_runs_killed_at_random_steps_resume_bit_identically(killed):
    assert_killed_at_random(killed, 4)
    assert not any(report["left"] for moment, report in killed.items() if moment.startswith("random"))
