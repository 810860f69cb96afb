"""BERT's heads of pre-training: shared weights, and the folder that they are written into."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import BertForPreTraining

from bertfit.hugging_face import hf_encoder
from bertfit.model.bert_heads import PretrainingBert
from helpers import tiny


def test_a_written_folder_is_what_transformers_loads(tmp_path: Path) -> None:
    model = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    assert isinstance(model, PretrainingBert) and model.encoder is model.bert and model.next_sentence
    model.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["BertForPreTraining"]
    theirs, ours = BertForPreTraining.from_pretrained(tmp_path).state_dict(), model.state_dict()
    assert ours.keys() <= theirs.keys() and all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


def test_which_weights_are_those_of_the_head_of_words() -> None:
    model = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    names = {name for name, _ in model.named_parameters() if model.is_word_head(name)}
    assert names == {
        "cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.LayerNorm.weight", "cls.predictions.transform.LayerNorm.bias",
    }, "the decoder is the embedding of words"  # fmt: skip
