"""The modules compute as those of transformers, on the same weights, and no job pays for the import of the latter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bertfit.attention.packed_attention import Packing
from bertfit.hugging_face import hf_encoder
from bertfit.model.bert import Bert, BertConfig
from bertfit.model.bert_heads import PretrainingBert
from conftest import ROOT
from helpers import tiny
from helpers.reference import transformers_model

COMPILERS = ("transformers", "torch._dynamo.convert_frame", "sympy", "scipy")
TRAINING = f"""\
import sys
from pathlib import Path
from bertfit.config.hyperparameters import Finetune
from bertfit.stages import finetuning
from helpers import tiny
folder = Path(sys.argv[1])
recipe = Finetune(max_length=24, head_tokens=6, epochs=1)
finetuning.run(recipe=recipe, files=tiny.input_files(folder), block=tiny.block(folder / "out", [1]))
found = [name for name in {COMPILERS} if name in sys.modules]
sys.exit(f"imported: {{found}}" if found else 0)
"""


def test_a_training_imports_neither_transformers_nor_torch_s_compiler(tmp_path: Path) -> None:
    tiny.block_inputs(tmp_path)
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", TRAINING, str(tmp_path)]
    environment = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'tests'}", "CUDA_VISIBLE_DEVICES": "", "PATH": ""}
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"])
def test_a_document_alone_has_the_states_and_gradients_of_transformers(activation: str) -> None:
    """The same kernels in the same order: equal bits where the activation function is one kernel in both."""
    config = BertConfig(BertConfig.of(tiny.SHAPE, 30).to_dict() | {"hidden_act": activation})
    torch.manual_seed(1)
    ours = PretrainingBert(config)
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    ours.eval()
    theirs = transformers_model(ours, "sdpa")
    ids, types, places = torch.arange(5, 17)[None], torch.ones(1, 12, dtype=torch.int64), torch.arange(12)[None]
    hidden = ours.bert.embeddings(ids, types, places)
    for layer in ours.bert.encoder.layer:
        hidden = layer(hidden, Packing.of([12], torch.device("cpu")))
    words = ours.cls.predictions(hidden)
    follows = ours.cls.seq_relationship(ours.bert.pooler(hidden[:, 0]))
    out = theirs(ids, token_type_ids=types)
    tolerance = 1e-5 if activation == "gelu_new" else 0
    torch.testing.assert_close(words, out.prediction_logits, rtol=0, atol=tolerance)
    torch.testing.assert_close(follows, out.seq_relationship_logits, rtol=0, atol=tolerance)
    (words.square().mean() + follows.square().sum()).backward()
    (out.prediction_logits.square().mean() + out.seq_relationship_logits.square().sum()).backward()
    named = dict(theirs.named_parameters())
    assert list(named) == [name for name, _ in ours.named_parameters()]  # in the same order, which sums follow
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, named[name].grad, rtol=0, atol=tolerance, msg=name)
        assert name.startswith("bert.encoder") or parameter.grad.any(), name


def test_a_layer_at_some_rows_is_that_layer_at_these_rows(folder: Path) -> None:
    layer = hf_encoder.load_encoder(folder).encoder.layer[0]
    hidden, rows = torch.randn(1, 9, tiny.SHAPE.hidden), torch.tensor([0, 4, 8])
    packing = Packing.of([4, 5], torch.device("cpu"))
    torch.testing.assert_close(layer(hidden, packing, rows), layer(hidden, packing)[:, rows], rtol=0, atol=1e-6)


def test_the_configuration_keeps_what_it_does_not_know(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    config = BertConfig(content)
    assert config.to_dict() == content
    config.num_hidden_layers = 1
    assert config.to_dict() == content | {"num_hidden_layers": 1}
    base = BertConfig({})
    assert (base.vocab_size, base.hidden_size, base.num_hidden_layers, base.intermediate_size) == (30522, 768, 12, 3072)


@pytest.mark.parametrize(
    ("content", "message"),
    [({"hidden_act": "mish"}, "hidden_act='mish' is none of gelu"), ({"num_attention_heads": 5}, "no multiple of 5")],
)
def test_a_configuration_that_is_not_computed_is_refused(content: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BertConfig(content)


def test_word_vectors_of_the_head_may_be_its_own() -> None:
    config = BertConfig.of(tiny.SHAPE, 30)
    tied = PretrainingBert(config)
    assert tied.cls.predictions.decoder.weight is tied.bert.embeddings.word_embeddings.weight
    apart = PretrainingBert(BertConfig(config.to_dict() | {"tie_word_embeddings": False}))
    assert apart.cls.predictions.decoder.weight is not apart.bert.embeddings.word_embeddings.weight
    assert apart.cls.predictions.decoder.bias is not apart.cls.predictions.bias
    assert Bert(config, pooler=False).pooler is None
