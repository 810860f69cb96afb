"""Encoders of every family through the stages: fetched, read, fine-tuned, handed over, further pre-trained."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    pipeline,
)

from bertfit.batching import dynamic_masking, packing
from bertfit.config.corpus_schema import TextForm
from bertfit.config.encoder_schema import Encoder
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.layout_schema import Join
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face import hf_encoder, hf_export
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import evaluate, fetch_encoder, finetuning, pretraining
from bertfit.stages.classification import InputFiles
from bertfit.tokens import create_blocks, instance_file, token_file, tokenize_corpus, vocabulary_file
from bertfit.training import loop
from bertfit.training.train_step import EagerStep, GraphedStep
from helpers import meta_device, recorded_steps, small_encoders, tiny
from helpers.meta_device import META, StrictDevices, record
from helpers.recorded_steps import Recorder, trained

JOB = JobIdentity("c0de", {})
RECIPE = Finetune(max_length=24, truncation="head+tail", head_tokens=6, lr=1e-3, steps=3, batch_size=8, save_model=True)
PRETRAIN = Pretrain(objective="mlm", steps=12, batch_size=8, max_length=24, lr=3e-3, log_every=6)

WAITING = ("deberta-v2",)
"""families for which the host waits: transformers copies a number to the device for the relative positions"""


@pytest.fixture(scope="module", params=small_encoders.OTHERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def inputs(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fetched encoder, a corpus and pairs of texts in its pieces."""
    root = tmp_path_factory.mktemp("family")
    lines, _ = tiny.texts(200, 1)
    source = small_encoders.folder(root / "source", name, lines)
    declared = Encoder(title="Small", vocabulary="own", layers=3, family=name, folder=str(source))
    fetch_encoder.fetch(declared, out=root / "encoder", job=JOB)
    for split, seed in (("train", 1), ("test", 2)):
        tiny.tokens_file(root / f"{split}.arrow", root / "encoder", 40, seed)
    first, labels = tiny.texts(30, 3)
    second, _ = tiny.texts(30, 4)
    table = pa.table({"a": first, "b": second, "label": pa.array(labels, pa.int32())})
    pq.write_table(table.replace_schema_metadata({"label_names": json.dumps(["a", "b", "c"])}), root / "pairs.parquet")
    form = TextForm(fields=["a", "b"], text=Join(fields=["a"]), pair=Join(fields=["b"]))
    tokenize_corpus.build(root / "pairs.parquet", root / "encoder", form, root / "pairs.arrow")
    return root


def finetuned(inputs: Path, out: Path, **changes: object) -> Path:
    recipe = RECIPE.model_copy(update=changes)
    files = InputFiles(train=inputs / "train.arrow", test=inputs / "test.arrow", encoder=inputs / "encoder")
    finetuning.run(recipe=recipe, files=files, block=tiny.block(out, [1], model_folder=out / "model"))
    return out


def test_a_fetched_encoder_is_what_transformers_loads(inputs: Path, name: str) -> None:
    ours = AutoModelForMaskedLM.from_pretrained(inputs / "encoder")
    theirs = AutoModelForMaskedLM.from_pretrained(inputs / "source")
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))
    coded = AutoTokenizer.from_pretrained(inputs / "encoder")("w1 w2")
    assert ("token_type_ids" in coded) == FAMILIES[name].token_types
    assert coded["input_ids"] == vocabulary_file.load(inputs / "source").encode("w1 w2").ids


def test_texts_and_pairs_get_the_tokens_that_the_tokenizer_gives_them(inputs: Path, name: str) -> None:
    theirs = AutoTokenizer.from_pretrained(inputs / "encoder")
    recipe = Finetune(max_length=512, truncation="head")
    for file, columns in (("test", ["text"]), ("pairs", ["a", "b"])):
        corpus = token_file.read(inputs / f"{file}.arrow")
        assert corpus.separators == (2 if file == "pairs" and name in small_encoders.DOUBLED else 1)
        texts = pq.read_table(inputs / f"{file}.parquet").to_pydict()
        packed = packing.collate(corpus, range(len(corpus)), recipe)
        rows = np.split(packed.input_ids, packed.starts[1:])
        ours = {int(document): row.tolist() for document, row in zip(packed.documents, rows, strict=True)}
        for document in range(len(corpus)):
            given = [texts[column][document] for column in columns]
            if all(given):
                assert ours[document] == theirs(*given)["input_ids"]
        assert packing.lengths(corpus, recipe).tolist() == [len(ours[document]) for document in range(len(corpus))]


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("lora", [None, 2], ids=["all weights", "adapters"])
def test_the_classifier_that_is_handed_over_answers_as_ours(
    inputs: Path, name: str, lora: int | None, tmp_path: Path
) -> None:
    out = finetuned(inputs, tmp_path, lora=lora)
    folder = out / "model" / "seed1"
    facts = json.loads((out / "run.json").read_text())["encoder"]
    assert facts["family"] == name and facts["way"] == FAMILIES[name].way and facts["parameters"] > 5000
    frame = pd.read_parquet(out / "predictions.parquet")
    expected = np.stack(frame[frame["step"] == frame["step"].max()]["logits"].to_list())
    lines = pq.read_table(inputs / "test.parquet").to_pydict()["text"]
    corpus = token_file.read(inputs / "test.arrow")
    whole = [place for place in range(len(corpus)) if len(corpus.ids(place)) <= RECIPE.max_length - 2]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    coded = tokenizer([lines[place] for place in whole], padding=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = model(**coded).logits.numpy()
    np.testing.assert_allclose(theirs, expected[whole], rtol=0, atol=5e-5)
    loaded, recipe, names = hf_export.load(folder)
    assert names == ["a", "b", "c"] and recipe.truncation == "head+tail" and recipe.max_length == 24
    found = evaluate.EvaluationSet(corpus, recipe, torch.device("cpu")).logits(loaded, lambda: None).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    (answer,) = pipeline("text-classification", model=str(folder), tokenizer=str(folder))([lines[whole[0]]])
    assert answer["label"] == names[int(expected[whole[0]].argmax())]


def test_a_killed_fine_tuning_resumes_to_the_same_bits(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, load = finetuning.FinetuningTask.loss, (lambda out: (out / "predictions.parquet").read_bytes())
    long = {"steps": 6, "save_model": False}
    once = load(finetuned(inputs, tmp_path / "once", **long))
    calls = iter(range(100))

    def killed(self, batch):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return loss(self, batch)

    monkeypatch.setattr(finetuning.FinetuningTask, "loss", killed)
    monkeypatch.setattr("bertfit.stages.seed_block.loop.run", partial(loop.run, save_seconds=0.0))
    with pytest.raises(KeyboardInterrupt):
        finetuned(inputs, tmp_path / "twice", **long)
    assert any((tmp_path / "twice/.state").rglob("*.safetensors"))
    monkeypatch.setattr(finetuning.FinetuningTask, "loss", loss)
    assert load(finetuned(inputs, tmp_path / "twice", **long)) == once


def test_a_step_reads_nothing_on_the_host(
    inputs: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fine-tuning and masked-language modelling on the device "meta", as on a GPU, for which the host would wait.

    Without padding also as CUDA graphs would compute it.
    """
    meta_device.install(monkeypatch)
    train, test = (token_file.read(inputs / f"{split}.arrow") for split in ("train", "test"))
    evaluated = evaluate.EvaluationSet(test, RECIPE, META)
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    create_blocks.build([write_text(tmp_path)], inputs / "encoder", PRETRAIN, tmp_path / "blocks.arrow")
    blocks = instance_file.read(tmp_path / "blocks.arrow")
    masking = dynamic_masking.of_vocabulary(vocabulary_file.load(inputs / "encoder"), PRETRAIN)
    model, _ = hf_encoder.load_pretraining(inputs / "encoder", 1)
    for task in (
        finetuning.FinetuningTask(RECIPE, 3, train, evaluated, encoder, META),
        pretraining.PretrainingTask(PRETRAIN, 3, blocks, None, model, META, masking=masking),
    ):
        task.model.train()
        steps = [EagerStep(task), *([GraphedStep(task, record)] if FAMILIES[name].way == "packed" else [])]
        for step in steps:
            with StrictDevices(may_wait=name in WAITING) as counted:
                for number in range(2):
                    step(number, task.batch(number))
            assert counted.calls > 500


def test_padded_steps_equal_plain_ones(inputs: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CUDA graphs would compute them: padding adds nothing, and no length is that of the first batch."""
    if FAMILIES[name].way == "padded":
        pytest.skip("reads the lengths of texts on the host")
    recorded_steps.read_boundaries_alone(monkeypatch)
    recipe = RECIPE.model_copy(update={"steps": 8, "batch_size": 7, "dropout": 0.0, "attention_dropout": 0.0})
    train, test = (token_file.read(inputs / f"{split}.arrow") for split in ("train", "test"))
    evaluated = evaluate.EvaluationSet(test, recipe, torch.device("cpu"))
    plain, padded = (
        finetuning.FinetuningTask(
            recipe, 3, train, evaluated, hf_encoder.load_encoder(inputs / "encoder"), torch.device("cpu")
        )
        for _ in range(2)
    )
    recorder = Recorder()
    expected, found = trained(plain, EagerStep(plain), 8), trained(padded, GraphedStep(padded, recorder), 8)
    assert recorder.replayed == 8 and recorder.recorded < 8
    for (loss, sums), (expected_loss, expected_sums) in zip(found, expected, strict=True):
        assert (loss, sums) == (pytest.approx(expected_loss, rel=1e-5), pytest.approx(expected_sums, rel=1e-5))
    recorded_steps.assert_near(padded, plain, ignored="", atol=1e-4)


def write_text(folder: Path) -> Path:
    """60 texts to pre-train on."""
    path = folder / "text.txt"
    path.write_text("\n\n".join(line or "w1" for line in tiny.texts(60, 5)[0]) + "\n")
    return path


def test_masked_language_modelling_learns_and_resumes_to_the_same_bits(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_blocks.build([write_text(tmp_path)], inputs / "encoder", PRETRAIN, tmp_path / "blocks.arrow")
    assert instance_file.read(tmp_path / "blocks.arrow").unmasked

    def run(out: Path, parent: Path | None = inputs / "encoder") -> None:
        pretraining.run(
            pretrain=PRETRAIN,
            shape=None,
            parent=parent,
            vocabulary=inputs / "encoder",
            instances=tmp_path / "blocks.arrow",
            held_out=tmp_path / "blocks.arrow",
            seed=1,
            state=tmp_path / f"{out.name}.state",
            out=out,
            job=JOB,
            threads=1,
        )

    run(tmp_path / "once")
    history = pd.read_csv(tmp_path / "once/history.csv")
    assert history["nsp_accuracy"].isna().all() and history["held_out_mlm_loss"].notna().sum() == 2
    assert history["held_out_mlm_loss"].iloc[-1] < history["held_out_mlm_loss"].iloc[0]

    class Killed(Exception):
        pass

    batch = pretraining.PretrainingTask.batch
    monkeypatch.setattr("bertfit.stages.pretraining.loop.run", partial(loop.run, save_seconds=0.0))

    def killed(self, step: int):
        if step == 7:
            raise Killed
        return batch(self, step)

    monkeypatch.setattr(pretraining.PretrainingTask, "batch", killed)
    with pytest.raises(Killed):
        run(tmp_path / "twice")
    monkeypatch.setattr(pretraining.PretrainingTask, "batch", batch)
    run(tmp_path / "twice")
    ones, others = ((tmp_path / kind / "model.safetensors").read_bytes() for kind in ("once", "twice"))
    assert ones == others
