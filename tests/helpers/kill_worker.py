"""Trains tiny runs of each stage in child processes that are killed at chosen moments, and finishes them in others.

kill_worker.py (finetune|features|pretrain|multitask) FOLDER    writes FOLDER/report.json, see `kill_harness`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
import transformers.models.bert.modeling_bert  # noqa: F401  once, not in every child

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.core import files
from bertfit.hugging_face import hf_encoder
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import bert_feat, evaluate, feature_cache, finetuning, multitask, prediction_writer, pretraining
from bertfit.stages.seed_block import SeedBlock
from bertfit.training import checkpoint
from helpers import kill_harness, tiny
from helpers.kill_harness import Stage, at_random, half_written, interrupt, kill, on_call, terminate, warn

JOB = JobIdentity("x", {})
RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=2, batch_size=8, validation=0.1)
FEATURES = Finetune(
    classifier="bilstm", lstm=6, lstm_attention=5, max_length=24, head_tokens=6, lr=1e-2, epochs=2, batch_size=8,
    validation=0.1, truncation="head+tail",
)  # fmt: skip
PRETRAIN = Pretrain(steps=12, batch_size=4, lr=1e-3, max_length=32, max_predictions=5, dupe=2, log_every=5)
MULTITASK = Multitask(corpora=["a", "b"], seed=3, order="epochs")
SAVES = (4, 9)
BLOCK_OUTPUTS = ("predictions.parquet", "history.csv")
PRETRAIN_OUTPUTS = tuple(
    f"{folder}/{name}" for folder in ("encoder", "at4", "at9") for name in ("model.safetensors", "history.csv")
)
MULTITASK_OUTPUTS = ("encoder/model.safetensors", "encoder/history.csv")

FINETUNE_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(finetuning.FinetuningTask, "loss", 7, kill),
    # of the second epoch; test is done, validation is not
    "evaluation": lambda: on_call(evaluate.EvaluationSet, "logits", 4, kill),
    "saving": lambda: on_call(files.os, "replace", 4, kill),  # a state is written, not yet renamed
    "between seeds": lambda: on_call(checkpoint, "save", 5, kill, after=True),  # the first seed is done
    "second seed": lambda: on_call(finetuning.FinetuningTask, "loss", 20, kill),
    # the history is there, the predictions are not
    "writing": lambda: on_call(prediction_writer, "table", 1, kill),
    "SIGTERM": lambda: on_call(finetuning.FinetuningTask, "loss", 5, terminate),
    "SIGTERM in evaluation": lambda: on_call(evaluate.EvaluationSet, "logits", 2, terminate),
    "SIGINT": lambda: on_call(finetuning.FinetuningTask, "loss", 5, interrupt),
    "SIGUSR1": lambda: on_call(finetuning.FinetuningTask, "loss", 17, warn),
}
FEATURE_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "states": lambda: on_call(feature_cache.Frozen, "__call__", 2, kill),  # half of them are written
    # all are written, but have not got their name
    "second file": lambda: on_call(feature_cache, "_write", 2, kill, after=True),
    "step": lambda: on_call(bert_feat.FeatureTask, "loss", 7, kill),
    "evaluation": lambda: on_call(evaluate.EvaluationSet, "logits", 4, kill),
    "between seeds": lambda: on_call(checkpoint, "save", 5, kill, after=True),
    "writing": lambda: on_call(prediction_writer, "table", 1, kill),
    "SIGTERM": lambda: on_call(bert_feat.FeatureTask, "loss", 5, terminate),
}
PRETRAIN_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(pretraining.PretrainingTask, "loss", 7, kill),
    "evaluation": lambda: on_call(pretraining.PretrainingTask, "_held_out_loss", 3, kill, after=True),
    "evaluation of a save": lambda: on_call(pretraining.PretrainingTask, "_held_out_loss", 2, kill),
    "saving": lambda: on_call(checkpoint, "save", 9, kill),
    "half a state": lambda: on_call(checkpoint, "save", 5, half_written),
    "SIGTERM": lambda: on_call(pretraining.PretrainingTask, "loss", 11, terminate),
    "saving an encoder": lambda: on_call(hf_encoder.shutil, "copyfile", 5, kill),  # the second, two files are there
    "encoder saved": lambda: on_call(hf_encoder, "save", 2, kill, after=True),
    "first in its place": lambda: on_call(hf_encoder, "place", 1, kill, after=True),
    "second half in its place": lambda: on_call(hf_encoder.os, "link", 8, kill),
    "all in their places": lambda: on_call(hf_encoder, "save", 3, kill, after=True),
    **at_random(pretraining.PretrainingTask, 12, (1, 2, 5)),
}
MULTITASK_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "evaluation": lambda: on_call(evaluate.EvaluationSet, "logits", 4, kill),  # of the second epoch and corpus
    "half a state": lambda: on_call(checkpoint, "save", 5, half_written),
    "SIGTERM": lambda: on_call(multitask.MultitaskTask, "loss", 6, terminate),
    "SIGTERM in evaluation": lambda: on_call(evaluate.EvaluationSet, "logits", 3, terminate),
    "in its place": lambda: on_call(hf_encoder, "save", 1, kill, after=True),
    **at_random(multitask.MultitaskTask, 26, (1, 3, 7)),
}


def finetune(inputs: Path, out: Path) -> None:
    finetuning.run(recipe=RECIPE, files=tiny.input_files(inputs), block=block(out))


def train_on_features(inputs: Path, out: Path) -> None:
    packing.BATCH_TOKENS["cpu"] = 400  # so that a split takes several batches
    bert_feat.run(recipe=FEATURES, files=tiny.input_files(inputs), block=block(out), cache_mb=1)


def block(out: Path) -> SeedBlock:
    return tiny.block(out, [3, 4], job=JOB)


def pretrain(inputs: Path, out: Path) -> None:
    pretraining.run(
        pretrain=PRETRAIN,
        shape=tiny.SHAPE,
        parent=None,
        vocabulary=inputs / "words" / "built",
        instances=inputs / "train.instances",
        seed=3,
        state=out / ".state",
        out=out / "encoder",
        job=JOB,
        threads=1,
        held_out=inputs / "held_out.instances",
        saves={step: out / f"at{step}" for step in SAVES},
    )


def train_together(inputs: Path, out: Path) -> None:
    multitask.run(
        multitask=MULTITASK,
        recipe=RECIPE,
        corpora={name: (inputs / f"{name}.arrow", inputs / "test.arrow") for name in MULTITASK.corpora},
        parent=inputs / "start",
        vocabulary=inputs / "words" / "built",
        state=out / ".state",
        out=out / "encoder",
        job=JOB,
        threads=1,
    )


def make_pretraining(folder: Path) -> None:
    words = tiny.vocabulary(folder / "words")
    tiny.encoder(folder / "unused", words)  # what transformers prepares for a first save serves all children
    tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
    tiny.instances_file(folder / "held_out.instances", words, PRETRAIN, 3, 2)


def make_corpora(folder: Path) -> None:
    words = tiny.vocabulary(folder / "words")
    for name, size, seed in (("a", 70, 1), ("b", 37, 2), ("test", 20, 3)):
        tiny.tokens_file(folder / f"{name}.arrow", words, size, seed)
    tiny.encoder(folder / "start", words)


STAGES = {
    "finetune": Stage(tiny.block_inputs, finetune, BLOCK_OUTPUTS, FINETUNE_MOMENTS),
    "features": Stage(tiny.block_inputs, train_on_features, BLOCK_OUTPUTS, FEATURE_MOMENTS),
    "pretrain": Stage(make_pretraining, pretrain, PRETRAIN_OUTPUTS, PRETRAIN_MOMENTS, save_steps=1),
    "multitask": Stage(make_corpora, train_together, MULTITASK_OUTPUTS, MULTITASK_MOMENTS),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    kill_harness.write_report(STAGES[sys.argv[1]], Path(sys.argv[2]))
