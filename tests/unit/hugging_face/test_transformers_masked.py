"""Masked-language models of every family, against transformers' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM

from bertfit.batching import model_inputs, packing
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Pretrain
from bertfit.core.errors import UserError
from bertfit.encoders.families import FAMILIES
from bertfit.hugging_face import hf_encoder, transformers_masked
from bertfit.model.pretrainer import Pretrainer, pretraining_scores
from helpers import packed_texts, small_encoders

CPU = torch.device("cpu")
LENGTHS = np.array([4, 9, 9, 30])
SPECIAL = {"pad": 1, "unk": 0, "cls": 2, "sep": 3, "mask": 4}


def masked_batch() -> packing.MaskedBatch:
    draw = np.random.default_rng(1)
    size = int(LENGTHS.sum())
    masked = np.array([1, 5, 12, 20, 40])
    ids = draw.integers(5, small_encoders.WORDS, size).astype(np.int32)
    return packing.MaskedBatch(
        input_ids=ids,
        token_types=np.zeros(size, np.int32),
        position_ids=packing.positions(LENGTHS),
        lengths=LENGTHS,
        masked=masked,
        targets=draw.integers(5, small_encoders.WORDS, len(masked)),
        random_next=np.zeros(len(LENGTHS), np.int64),
    )


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_logits_loss_and_gradients_equal_those_of_transformers(name: str, tmp_path: Path) -> None:
    theirs = small_encoders.model(name, AutoModelForMaskedLM)
    theirs.save_pretrained(tmp_path)
    model, heads, missing = transformers_masked.load_masked(tmp_path, FAMILIES[name], seed=1)
    assert not heads and not missing and not model.next_sentence
    ours = Pretrainer(model, Pretrain(objective="mlm", dropout=0.0, attention_dropout=0.0))
    batch = masked_batch()
    inputs = model_inputs.on_device(model_inputs.instances(batch), CPU)
    logits, follows = ours.logits(inputs)
    rows = []
    for start, length in zip(batch.starts, LENGTHS, strict=True):
        ids = torch.from_numpy(batch.input_ids[start : start + length]).long()[None]
        rows.append(theirs(ids, attention_mask=torch.ones_like(ids)).logits[0])
    expected = torch.cat(rows)[torch.from_numpy(batch.masked)]
    assert follows is None and logits.shape == (5, small_encoders.WORDS)
    torch.testing.assert_close(logits, expected, rtol=0, atol=2e-5)
    loss = pretraining_scores(logits, follows, inputs)[0]
    loss.backward()
    torch.nn.functional.cross_entropy(expected, inputs.targets.long()).backward()
    whole = dict(theirs.named_parameters())
    vectors = theirs.get_input_embeddings().weight.grad
    assert (
        ours.model.encoder.module.get_input_embeddings().weight.grad - vectors
    ).abs().max() < 1e-5 * vectors.abs().max()
    tied = sum(parameter.numel() for parameter in ours.parameters())
    assert tied == sum(parameter.numel() for parameter in whole.values()), "the head shares the word vectors"


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_a_new_head_is_a_function_of_the_seed(name: str, tmp_path: Path) -> None:
    small_encoders.model(name, AutoModel).save_pretrained(tmp_path)
    _, none, missing = transformers_masked.load_masked(tmp_path, FAMILIES[name], seed=1)
    assert missing == [] and all(key.startswith("heads.") for key in none)
    first, again, other = (hf_encoder.load_pretraining(tmp_path, seed)[0] for seed in (1, 1, 2))
    named = [dict(model.named_parameters()) for model in (first, again, other)]
    assert all(torch.equal(named[0][key], named[1][key]) for key in named[0])
    drawn = [key for key in none if key in named[0] and key.endswith("weight") and named[0][key].ndim > 1]
    assert all(not torch.equal(named[0][key], named[2][key]) for key in drawn)


@pytest.mark.parametrize("name", small_encoders.OTHERS)
def test_from_random_weights_and_back_from_the_file(name: str, tmp_path: Path) -> None:
    shape = Shape(family=name, layers=2, hidden=32, heads=2, intermediate=48, positions=40)
    model = hf_encoder.scratch(shape, 100, 1, SPECIAL)
    again = hf_encoder.scratch(shape, 100, 1, SPECIAL)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))
    assert model.encoder.config.num_hidden_layers == 2 and model.encoder.config.max_position_embeddings == 40
    model.save(tmp_path)
    loaded, heads = hf_encoder.load_pretraining(tmp_path, 5)
    assert heads == []
    ours, theirs = dict(model.named_parameters()), dict(loaded.named_parameters())
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    encoder = hf_encoder.load_encoder(tmp_path)
    assert encoder.config.hidden_size == 32 and encoder.family.model_type == name
    theirs = AutoModel.from_pretrained(tmp_path).eval()  # which finds the positions by itself
    given = packed_texts.batch(lengths=[30])
    with torch.inference_mode():
        states = encoder.states(packed_texts.inputs_of(given), torch.arange(30), [1])[0]
        ids = torch.from_numpy(given.input_ids).long()[None]
        types = {"token_type_ids": torch.from_numpy(given.token_types).long()[None]}
        more = types if encoder.family.token_types and theirs.config.type_vocab_size > 1 else {}
        expected = theirs(ids, attention_mask=torch.ones_like(ids), **more).last_hidden_state[0]
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-5)
    assert (name == "deberta-v2") == bool(getattr(theirs.config, "relative_attention", False))


def test_padding_where_a_family_cannot_have_it() -> None:
    shape = Shape(family="mpnet", layers=2, hidden=32, heads=2, intermediate=48, positions=40)
    with pytest.raises(UserError, match="MPNet takes token 1 for padding, and the vocabulary has it at 0"):
        hf_encoder.scratch(shape, 100, 1, SPECIAL | {"pad": 0})


def test_masked_words_that_there_are_not_give_no_loss() -> None:
    model = hf_encoder.scratch(Shape(family="roberta", layers=1, hidden=16, heads=2, intermediate=16), 100, 1, SPECIAL)
    ours = Pretrainer(model, Pretrain(objective="mlm"))
    empty = np.zeros(0, np.int64)
    batch = replace(masked_batch(), masked=empty, targets=empty, masked_share=0.0)
    inputs = model_inputs.on_device(model_inputs.instances(batch), CPU)
    loss, *_ = pretraining_scores(*ours.logits(inputs), inputs)
    assert float(loss) == 0
    loss.backward()
    assert all(weight.grad is None or weight.grad.abs().max() == 0 for weight in ours.parameters())
