"""A classifier that transformers loads answers as the trained one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.hugging_face import hf_encoder, hf_export
from bertfit.model import classifier_head
from bertfit.stages import evaluate, finetuning
from bertfit.tokens import token_file
from helpers import tiny

RECIPE = Finetune(max_length=24, truncation="head", lr=2e-3, steps=4, batch_size=8, head_init=1.0, save_model=True)
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    words = tiny.vocabulary(folder / "words")
    tiny.tokens_file(folder / "train.arrow", words, 60, 1)
    tiny.tokens_file(folder / "test.arrow", words, 200, 2)
    shape = Shape(layers=4, hidden=16, heads=2, intermediate=32, positions=40, initializer_range=0.2)
    hf_encoder.save(hf_encoder.scratch(shape, tiny.WORDS + 5, 1), words, folder / "encoder", {})
    return folder


def train(inputs, out, recipe: Finetune, seeds: list[int]) -> None:
    finetuning.run(
        recipe=recipe,
        files=tiny.input_files(inputs),
        block=tiny.block(out, seeds, model_folder=out / "model"),
    )


def answers(folder, lines: list[str]) -> np.ndarray:
    """Logits of the folder's classifier as transformers computes them, on padded batches."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    coded = tokenizer(lines, truncation=True, max_length=24, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return model(**coded).logits.numpy()


@pytest.mark.parametrize(
    ("changes", "depth"),
    [({}, 4), ({"layers": "1"}, 2), ({"layers": "first1"}, 1), ({"pooler": True}, 4)],
    ids=str,
)
def test_the_written_classifier_answers_as_ours(inputs, tmp_path, changes, depth):
    recipe = RECIPE.model_copy(update=changes)
    encoder = hf_encoder.load_encoder(inputs / "encoder", pooler=True)
    model = classifier_head.Classifier(encoder, 3, recipe, seed=1)
    corpus = evaluate.EvaluationSet(token_file.read(inputs / "test.arrow"), recipe, torch.device("cpu"))
    with torch.no_grad():
        model.output.bias -= corpus.logits(model, lambda: None).mean(0)  # so that every class is an answer
    expected = corpus.logits(model, lambda: None).numpy()
    folder, lines = tmp_path / "model", tiny.texts(200, 2)[0]
    hf_export.write(model, NAMES, recipe=recipe, tokenizer=inputs / "encoder", out=folder)
    logits = answers(folder, lines)
    assert np.abs(logits - expected).max() < 1e-3 * expected.std()
    assert (logits.argmax(1) == expected.argmax(1)).all() and set(logits.argmax(1)) == {0, 1, 2}
    config = files.read_json(folder / "config.json")
    assert config["num_hidden_layers"] == depth and config["max_position_embeddings"] == 40
    assert config["id2label"] == {"0": "a", "1": "b", "2": "c"} and config["label2id"] == {"a": 0, "b": 1, "c": 2}
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert "attn" not in str(config), "our attention is not theirs"
    assert config["bertfit"] == {"truncation": "head", "head_tokens": 128, "max_length": 24}
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"
    }  # fmt: skip
    classify = pipeline("text-classification", model=str(folder), device="cpu")
    labels = [found["label"] for found in classify(lines[:20], truncation=True, max_length=24)]
    assert labels == [NAMES[number] for number in logits[:20].argmax(1)]


def test_long_texts_are_cut_to_what_the_encoder_was_trained_on(inputs, tmp_path):
    """Of 60 words, on an encoder of 40 positions: ``truncation=True`` alone is enough."""
    model = classifier_head.Classifier(hf_encoder.load_encoder(inputs / "encoder"), 3, RECIPE, seed=1)
    hf_export.write(model, NAMES, recipe=RECIPE, tokenizer=inputs / "encoder", out=tmp_path / "model")
    settings = files.read_json(tmp_path / "model" / "tokenizer_config.json")
    assert settings == files.read_json(inputs / "encoder" / "tokenizer_config.json") | {"model_max_length": 24}
    classify = pipeline("text-classification", model=str(tmp_path / "model"), device="cpu", top_k=None)
    words = [f"w{number}" for number in range(60)]
    long, cut = classify([" ".join(words[:count]) for count in (60, 22)], truncation=True)
    assert long == cut and {found["label"] for found in long} == set(NAMES)


@pytest.mark.usefixtures("cpu")
def test_a_run_keeps_the_classifier_of_each_seed(inputs, tmp_path):
    train(inputs, tmp_path, RECIPE, [1, 2])
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["seed1", "seed2"]
    last = pd.read_parquet(tmp_path / "predictions.parquet").query("step == 4").sort_values("example")
    found = []
    for seed in (1, 2):
        expected = np.stack(last.query(f"seed == {seed}")["logits"].to_list())
        found.append(answers(tmp_path / "model" / f"seed{seed}", tiny.texts(200, 2)[0]))
        assert np.abs(found[-1] - expected).max() < 1e-3 * expected.std()
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_weights_by_hand(inputs, tmp_path):
    """Pooler eps I and head / eps undo each other to the bit; a real pooler is written as it is."""
    encoder = hf_encoder.load_encoder(inputs / "encoder", pooler=True)
    for pooler in (False, True):
        recipe = RECIPE.model_copy(update={"pooler": pooler})
        model = classifier_head.Classifier(encoder, 3, recipe, seed=1)
        hf_export.write(model, NAMES, recipe=recipe, tokenizer=inputs / "encoder", out=tmp_path / "model")
        weights = load_file(tmp_path / "model" / "model.safetensors")
        if pooler:
            assert torch.equal(weights["bert.pooler.dense.weight"], encoder.pooler.dense.weight)
            assert torch.equal(weights["classifier.weight"], model.output.weight)
        else:
            assert torch.equal(weights["bert.pooler.dense.weight"], torch.eye(16) / 1024)
            assert torch.equal(weights["classifier.weight"], model.output.weight * 1024)
            assert torch.equal(weights["classifier.weight"] @ weights["bert.pooler.dense.weight"], model.output.weight)
            assert not weights["bert.pooler.dense.bias"].any()
        for name, weight in model.encoder.state_dict().items():
            assert torch.equal(weights[f"bert.{name}"], weight)


@pytest.mark.parametrize("size", [1.0, 10.0, 20.0])
def test_the_bend_of_tanh_is_as_small_as_said(size):
    states = torch.full((1,), size, dtype=torch.float64)
    error = (torch.tanh(hf_export.EPSILON * states) / hf_export.EPSILON - states).abs() / states
    assert float(error) == pytest.approx((hf_export.EPSILON * size) ** 2 / 3, rel=1e-3)
