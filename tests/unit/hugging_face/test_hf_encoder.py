from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from bertfit.config.encoder_schema import Encoder
from bertfit.core.errors import UserError
from bertfit.hugging_face import hf_encoder
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import fetch_encoder
from helpers import tiny
from helpers.reference import transformers_model


def test_a_pooler_that_the_checkpoint_lacks_is_not_drawn(folder, tmp_path, caplog):
    assert hf_encoder.load_encoder(folder).pooler is None
    whole = hf_encoder.load_pretraining(folder, 1)[0].bert.pooler.dense.weight
    assert torch.equal(hf_encoder.load_encoder(folder, pooler=True).pooler.dense.weight, whole)
    headless = tmp_path / "headless"
    transformers_model(hf_encoder.load_encoder(folder)).save_pretrained(headless)
    for name in hf_encoder.TOKENIZER:
        (headless / name).write_bytes((folder / name).read_bytes())
    fetch_encoder.fetch(
        Encoder(title="t", vocabulary="v", layers=2, folder=str(headless)),
        out=tmp_path / "drawn",
        job=JobIdentity("c0de", {}),
    )
    (told,) = [line for line in caplog.messages if "newly initialised" in line]
    assert told.startswith(
        "the checkpoint has no weights for some heads, newly initialised from seed 1: bert.pooler.dense.bias, "
    )
    for path in (headless, tmp_path / "drawn"):
        with pytest.raises(UserError, match=rf"{path.name}: the checkpoint has no pooler weights; leave out `pooler`"):
            hf_encoder.load_encoder(path, pooler=True)
        hf_encoder.load_encoder(path)


def test_saved_folder_loads_with_transformers(folder):
    from transformers import AutoModel, BertForPreTraining, BertTokenizer

    model = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    loaded, report = BertForPreTraining.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert all(torch.equal(weight, model.state_dict()[name]) for name, weight in loaded.state_dict().items())
    assert AutoModel.from_pretrained(folder).config._attn_implementation == "sdpa"
    assert BertTokenizer.from_pretrained(folder)("w3 w4")["input_ids"] == [2, 8, 9, 3]
    text = (folder / "config.json").read_text()
    assert "bertfit" not in text and "/" not in text


def test_heads_stay_tied():
    model = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert float(model.bert.encoder.layer[0].output.dense.weight.std()) == pytest.approx(0.2, rel=0.1)
    same = hf_encoder.scratch(tiny.SHAPE, 85, 1).state_dict()
    assert all(torch.equal(weight, same[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b"\xff" * 8 + b"{"])
def test_weights_that_do_not_load_are_named(tmp_path, content):
    config = {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    (tmp_path / "config.json").write_text(json.dumps(config | {"intermediate_size": 8, "vocab_size": 9}))
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="cannot be loaded as an encoder"):
        hf_encoder.load_pretraining(tmp_path, 1)
    save_file({"other": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="weights are missing, first bert"):
        hf_encoder.load_pretraining(tmp_path, 1)
