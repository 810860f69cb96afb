"""ELECTRA's own objective through the stages: fetched with its head, trained further with it, resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForPreTraining, BatchEncoding

from bertfit.batching import packing
from bertfit.config.encoder_schema import Encoder
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.model import pretrainer
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import fetch_encoder, pretraining
from bertfit.tokens import create_blocks, create_instances, instance_file
from bertfit.training import loop
from helpers import small_encoders, tiny

JOB = JobIdentity("c0de", {})
PRETRAIN = Pretrain(objective="rtd", steps=30, batch_size=8, max_length=24, lr=3e-3, log_every=10)
Run = Callable[..., dict[str, Any]]


def fetched(root: Path, kind: Any, name: str = "", **changes: int) -> Path:
    """A small ELECTRA with the heads of ``kind``, as rule fetch_encoder leaves it."""
    name = name or kind.__name__
    lines, _ = tiny.texts(200, 1)
    source = small_encoders.folder(root / name, "electra", lines, kind, **changes)
    declared = Encoder(title="Small", vocabulary="own", layers=3, family="electra", folder=str(source))
    fetch_encoder.fetch(declared, out=root / f"{name}.encoder", job=JOB)
    return root / f"{name}.encoder"


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetched(tmp_path_factory.mktemp("detector"), AutoModelForPreTraining)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetched(tmp_path_factory.mktemp("generator"), AutoModelForMaskedLM)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join(line or "w1" for line in tiny.texts(200, 1)[0]) + "\n")
    return path


@pytest.fixture
def run(tmp_path: Path, detector: Path, generator: Path, text: Path) -> Run:
    create_blocks.build([text], generator, PRETRAIN, tmp_path / "blocks.arrow")

    def trained(name: str, **changes: Any) -> dict[str, Any]:
        default = {
            "pretrain": PRETRAIN, "parent": detector, "generator": generator, "vocabulary": generator,
            "instances": tmp_path / "blocks.arrow", "held_out": tmp_path / "blocks.arrow",
        }  # fmt: skip
        state, out = tmp_path / f"{name}.state", tmp_path / name
        pretraining.run(**default | changes, shape=None, seed=1, state=state, out=out, job=JOB, threads=1)
        return json.loads((out / "run.json").read_text())

    return trained


def test_a_discriminator_is_fetched_with_its_head(detector: Path) -> None:
    ours = AutoModelForPreTraining.from_pretrained(detector)
    theirs = AutoModelForPreTraining.from_pretrained(detector.with_suffix(""))
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_the_loss_is_that_of_transformers(detector: Path) -> None:
    """Binary cross-entropy of ``ElectraForPreTraining`` over all tokens that are scored, on one packed row."""
    model, new = hf_encoder.load_pretraining(detector, 1)
    theirs = AutoModelForPreTraining.from_pretrained(detector).eval()
    draw = np.random.default_rng(2)
    lengths = np.array([9, 20])
    ids = draw.integers(5, small_encoders.WORDS, lengths.sum()).astype(np.int32)
    places = np.sort(draw.choice(len(ids), 15, replace=False))
    targets = draw.integers(0, 2, 15)
    batch = packing.MaskedBatch(
        input_ids=ids, token_types=np.zeros(len(ids), np.int32), position_ids=packing.positions(lengths),
        lengths=lengths, masked=places, targets=targets, random_next=np.zeros(2, np.int64),
    )  # fmt: skip
    trained = pretrainer.Pretrainer(model, PRETRAIN.model_copy(update={"dropout": 0.0, "attention_dropout": 0.0}))
    words, follows = trained(batch)
    inputs = pretrainer.on_device(pretrainer.instances(batch), torch.device("cpu"))
    loss, _, right, _ = pretrainer.pretraining_scores(words, follows, inputs)
    rows = [BatchEncoding({"input_ids": torch.tensor(row[None]).long()}) for row in np.split(ids, lengths[:1])]
    logits = torch.cat([theirs(**row).logits[0] for row in rows])[places]
    expected = functional.binary_cross_entropy_with_logits(logits, torch.tensor(targets).float())
    assert not new and loss.item() == pytest.approx(expected.item(), abs=1e-6)
    assert int(right) == int(((logits > 0).long() == torch.tensor(targets)).sum())


def test_it_learns_and_a_killed_training_resumes_to_the_same_bits(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = run("once")
    assert record["objective"] == "rtd" and record["heads"] == "from the checkpoint" and "generator" in record["inputs"]
    loss = pd.read_csv(tmp_path / "once/history.csv")["held_out_mlm_loss"].dropna()
    assert loss.iloc[-1] < loss.iloc[0]
    assert AutoModelForPreTraining.from_pretrained(tmp_path / "once").config.architectures == ["ElectraForPreTraining"]
    batch = pretraining.PretrainingTask.batch
    monkeypatch.setattr("bertfit.stages.pretraining.loop.run", partial(loop.run, save_seconds=0.0))

    def killed(self: pretraining.PretrainingTask, step: int) -> Any:
        if step == 17:
            raise KeyboardInterrupt
        return batch(self, step)

    monkeypatch.setattr(pretraining.PretrainingTask, "batch", killed)
    with pytest.raises(KeyboardInterrupt):
        run("twice")
    monkeypatch.setattr(pretraining.PretrainingTask, "batch", batch)
    run("twice")
    ones, others = ((tmp_path / kind / "model.safetensors").read_bytes() for kind in ("once", "twice"))
    assert ones == others


def test_a_generator_needs_a_trained_head(run: Run, detector: Path, tmp_path: Path) -> None:
    bare = fetched(tmp_path, AutoModel)
    for folder in (detector, bare):
        with pytest.raises(UserError, match=f"{folder.name}: it came without a head of masked words, which the `gener"):
            run("none", generator=folder)


def test_a_generator_reads_what_the_encoder_reads(run: Run, tmp_path: Path, generator: Path) -> None:
    short = fetched(tmp_path, AutoModelForMaskedLM, "short", max_position_embeddings=20)
    with pytest.raises(UserError, match="the generator has 20 positions, but `pretrain` reads max_length=24"):
        run("none", generator=short)
    other = fetched(tmp_path, AutoModelForMaskedLM, "other")
    tokenizer = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(tokenizer.replace('"w1"', '"v1"'))
    with pytest.raises(UserError, match="the generator has another vocabulary than"):
        run("none", generator=other)


def test_replaced_tokens_and_a_generator_belong_together(run: Run) -> None:
    with pytest.raises(UserError, match="objective rtd: a generator is for rtd, which needs one"):
        run("none", generator=None)
    with pytest.raises(UserError, match="objective mlm: a generator is for rtd"):
        run("none", pretrain=PRETRAIN.model_copy(update={"objective": "mlm"}))


def test_masked_instances_are_refused(run: Run, text: Path, generator: Path, tmp_path: Path) -> None:
    masked = tmp_path / "masked.arrow"
    create_instances.build([text], generator, PRETRAIN, masked)
    assert not instance_file.read(masked).unmasked
    with pytest.raises(UserError, match="the instances are masked already"):
        run("none", held_out=masked)
