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
from bertfit.hugging_face import hf_encoder
from bertfit.model import bilstm
from bertfit.stages import feature_cache
from bertfit.tokens import token_file
from bertfit.tokens.truncation import truncate
from helpers import reference
from helpers.feature_inputs import CPU, RECIPE, but, make


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make(tmp_path_factory)


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


# ---------------------------------------------------------------------------------------------- kept states


@pytest.mark.parametrize("name", ["train", "pairs"])
@pytest.mark.parametrize(("layers", "combine"), [("last", "concat"), ("all", "concat"), ("all", "max")])
def test_kept_states_equal_computed_ones(inputs, tmp_path, monkeypatch, name, layers, combine):
    monkeypatch.setitem(packing.BATCH_TOKENS, "cpu", 100)
    corpus, recipe = token_file.read(inputs / f"{name}.arrow"), but(layers=layers, combine=combine)
    made = feature_cache.Frozen(hf_encoder.load_encoder(inputs / "encoder"), recipe, CPU)
    folder = tmp_path / "features-key"
    feature_cache.compute(made, {name: corpus}, recipe, folder)
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
    folder = tmp_path / "features-key"
    feature_cache.compute(made, {"train": corpus}, RECIPE, folder)
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
    one, other = tmp_path / "features-one", tmp_path / "features-other"
    feature_cache.compute(made, corpora, RECIPE, one)
    stamp = (one / "train").stat().st_mtime_ns
    feature_cache.compute(made, corpora, RECIPE, one)
    assert (one / "train").stat().st_mtime_ns == stamp and "were computed before" in caplog.text
    feature_cache.compute(made, corpora, RECIPE, other)
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "seed1.safetensors"]


def test_the_key_holds_all_that_states_depend_on(inputs):
    encoder = hf_encoder.load_encoder(inputs / "encoder")
    paths = {"train": inputs / "train.arrow", "test": inputs / "test.arrow", "encoder": inputs / "encoder/config.json"}

    def key(recipe: Finetune, **others: Path) -> str:
        return feature_cache.cache_folder(
            Path(), feature_cache.Frozen(encoder, recipe, CPU), recipe, paths | others
        ).name

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
        feature_cache.compute(
            made, {"train": token_file.read(inputs / "train.arrow")}, RECIPE, tmp_path / "features-key"
        )
    assert not list(tmp_path.iterdir())
