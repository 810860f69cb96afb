from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import pytest
import torch

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.model import bilstm, hf_encoder
from bertfit.stages import bert_feat, evaluate, feature_cache
from bertfit.tokens import token_file
from bertfit.tokens.truncation import truncate
from helpers import reference
from helpers.feature_inputs import CPU, RECIPE, but, make


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make(tmp_path_factory)


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize("max_length", [9, 24, 39])
def test_lengths_are_those_of_the_truncated_documents(inputs, name, max_length):
    corpus, recipe = token_file.read(inputs / f"{name}.arrow"), but(max_length=max_length)
    cut = [truncate(corpus.ids(i), corpus.pair(i), recipe, corpus.cls, corpus.sep)[0] for i in range(len(corpus))]
    assert packing.lengths(corpus, recipe).tolist() == [len(each.ids) for each in cut]


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize(
    ("layers", "combine"), [("last", "concat"), ("0", "concat"), ("all", "concat"), ("all", "mean"), ("all", "max")]
)
def test_states_are_those_of_transformers(inputs, name, layers, combine):
    """Of every token, against Hugging Face's padded forward and its hidden states."""
    corpus, recipe = token_file.read(inputs / f"{name}.arrow"), but(layers=layers, combine=combine)
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    batch = packing.collate(corpus, [5, 1, 8, 13], recipe)
    made = feature_cache.Frozen(encoder, recipe, CPU)
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
    encoder = hf_encoder.load_encoder(inputs / "encoder").train()
    assert {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}
    before = {name: weight.clone() for name, weight in encoder.named_parameters()}
    corpus = token_file.read(inputs / "train.arrow")
    made = feature_cache.Frozen(encoder, RECIPE, CPU)
    evaluated = evaluate.Evaluated(corpus, RECIPE, CPU, answer=bert_feat.answers(made))
    task = bert_feat.Feature(RECIPE, 1, corpus, made, evaluated, made.width, CPU)
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
    monkeypatch.setitem(packing.BATCH_TOKENS, "cpu", 100)
    corpus, recipe = token_file.read(inputs / f"{name}.arrow"), but(layers=layers, combine=combine)
    made = feature_cache.Frozen(hf_encoder.load_encoder(inputs / "encoder"), recipe, CPU)
    folder = feature_cache.cached(made, {name: corpus}, recipe, tmp_path, "key")
    kept = feature_cache.Cache(folder / name, made, corpus, recipe)
    assert (folder / name).stat().st_size == packing.lengths(corpus, recipe).sum() * made.width * 4
    model = bilstm.BiLSTM(made.width, 3, recipe, 1).eval()
    for examples in ([7, 2, 19, 0], range(20), [11]):
        batch = packing.collate(corpus, examples, recipe)
        torch.testing.assert_close(kept(batch), made(batch), rtol=0, atol=1e-6)
        torch.testing.assert_close(model(kept(batch), batch), model(made(batch), batch), rtol=0, atol=1e-6)


def test_half_precision_is_kept_to_the_bit(inputs, tmp_path):
    """As on CUDA: NumPy has no bfloat16, and the file takes half the room."""
    corpus = token_file.read(inputs / "train.arrow")
    made = feature_cache.Frozen(hf_encoder.load_encoder(inputs / "encoder"), RECIPE, CPU)
    made.kind = torch.bfloat16
    folder = feature_cache.cached(made, {"train": corpus}, RECIPE, tmp_path, "key")
    rows = packing.lengths(corpus, RECIPE)
    assert (folder / "train").stat().st_size == rows.sum() * 16 * 2
    batch = packing.collate(corpus, packing.by_length(rows, 10**6)[0], RECIPE)  # the batch that was written
    found = feature_cache.Cache(folder / "train", made, corpus, RECIPE)(batch)
    assert found.dtype == torch.bfloat16 and torch.equal(found, made(batch))


def test_a_cache_is_reused_by_its_key_alone(inputs, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    corpora = {"train": token_file.read(inputs / "train.arrow")}
    made = feature_cache.Frozen(hf_encoder.load_encoder(inputs / "encoder"), RECIPE, CPU)
    half = tmp_path / ".features-one.123.part"
    half.mkdir()
    (half / "train").write_bytes(b"half")
    (tmp_path / "seed1.safetensors").touch()
    one = feature_cache.cached(made, corpora, RECIPE, tmp_path, "one")
    stamp = (one / "train").stat().st_mtime_ns
    assert feature_cache.cached(made, corpora, RECIPE, tmp_path, "one") == one
    assert (one / "train").stat().st_mtime_ns == stamp and "are there" in caplog.text
    other = feature_cache.cached(made, corpora, RECIPE, tmp_path, "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "seed1.safetensors"]


def test_the_key_holds_all_that_states_depend_on(inputs):
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    paths = {"train": inputs / "train.arrow", "test": inputs / "test.arrow", "encoder": inputs / "encoder/config.json"}

    def key(recipe: Finetune, **others: Path) -> str:
        return feature_cache.cache_key(feature_cache.Frozen(encoder, recipe, CPU), recipe, paths | others)

    base = key(RECIPE)
    changed = [but(truncation="tail"), but(max_length=23), but(head_tokens=5), but(layers="0"), but(combine="max")]
    keys = [key(recipe) for recipe in changed]
    keys += [key(RECIPE, **{name: inputs / "pairs.arrow"}) for name in paths]
    assert len({base, *keys}) == 9
    assert key(but(lr=1, epochs=1, lstm=3, dropout=0.5, batch_size=1)) == base


def test_a_full_disk_is_named(inputs, tmp_path, monkeypatch):
    made = feature_cache.Frozen(hf_encoder.load_encoder(inputs / "encoder"), RECIPE, CPU)

    def full(*_) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(feature_cache, "_write", full)
    with pytest.raises(UserError, match=r"No space left on device\); free some space, or lower `cache_mb`"):
        feature_cache.cached(made, {"train": token_file.read(inputs / "train.arrow")}, RECIPE, tmp_path, "key")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------- runs
