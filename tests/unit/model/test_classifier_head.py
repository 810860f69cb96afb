from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from bertfit.batching.model_inputs import documents, on_device
from bertfit.batching.packing import collate
from bertfit.config.hyperparameters import Finetune
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head
from helpers import reference
from helpers.reference import by_name

RECIPE = Finetune(max_length=24, head_tokens=6, fractions=3, dropout=0, attention_dropout=0, head_init=0.5)
NEARLY_NONE = 1e-6  # of attention dropout: takes the grouped way and drops nothing, as draws have 16 bits


@pytest.fixture(scope="module")
def encoder(folder):
    return hf_encoder.load_encoder(folder)


@pytest.mark.parametrize("attention_dropout", [0.0, NEARLY_NONE], ids=["per-document", "grouped"])
@pytest.mark.parametrize("truncation", ["head+tail", "hier-mean", "hier-max", "hier-attention"])
def test_packed_equals_padded_and_masked(corpus, encoder, truncation, attention_dropout):
    recipe = RECIPE.model_copy(update={"truncation": truncation, "attention_dropout": attention_dropout})
    examples = [3, 1, 20, 7, 11, 2]
    batch = collate(corpus, examples, recipe)
    model = classifier_head.Classifier(encoder, 3, recipe, seed=5).train()
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
    _, whole = reference.whole(encoder, batch)
    inputs = replace(on_device(documents(batch), torch.device("cpu")), rows=torch.arange(batch.tokens))
    torch.testing.assert_close(encoder.last_states(inputs), whole, rtol=0, atol=1e-6)


def test_documents_do_not_see_each_other(corpus, encoder):
    model = classifier_head.Classifier(encoder, 3, RECIPE, seed=5).eval()
    together = model(collate(corpus, [4, 8, 15], RECIPE))
    alone = torch.cat([model(collate(corpus, [i], RECIPE)) for i in (4, 8, 15)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_one_fraction_is_a_plain_document(corpus, encoder):
    short = [i for i in range(30) if len(corpus.ids(i)) <= 22]
    plain = classifier_head.Classifier(encoder, 3, RECIPE, seed=5).eval()
    expected = plain(collate(corpus, short, RECIPE))
    for kind in ("hier-mean", "hier-max", "hier-attention"):
        recipe = RECIPE.model_copy(update={"truncation": kind})
        found = classifier_head.Classifier(encoder, 3, recipe, seed=5).eval()(collate(corpus, short, recipe))
        assert torch.equal(found, expected), kind


def test_head_is_drawn_from_the_seed(encoder):
    recipe = Finetune(truncation="hier-attention", head_init=0.02)
    one, same, other = (classifier_head.Classifier(encoder, 50, recipe, seed) for seed in (1, 1, 2))
    assert torch.equal(one.output.weight, same.output.weight)
    assert not torch.equal(one.output.weight, other.output.weight)
    assert one.output.weight.std().item() == pytest.approx(0.02, rel=0.1) and not one.output.bias.any()
    assert one.attend[0].weight.shape == (128, 16)
    recipe = recipe.model_copy(update={"head_init": 0.2})
    assert classifier_head.Classifier(encoder, 50, recipe, 1).output.weight.std().item() == pytest.approx(0.2, rel=0.1)


def test_classifiers_share_no_weights_and_take_the_recipe_s_dropout(encoder):
    before = encoder.embeddings.word_embeddings.weight.clone()
    model = classifier_head.Classifier(encoder, 3, Finetune(dropout=0.3, attention_dropout=0.2), 1)
    with torch.no_grad():
        model.encoder.embeddings.word_embeddings.weight += 1
    assert torch.equal(encoder.embeddings.word_embeddings.weight, before)
    layer = model.encoder.encoder.layer[0]
    assert (layer.attention.self.dropout.p, layer.attention.output.dropout.p, layer.output.dropout.p) == (0.2, 0.3, 0.3)
    assert type(encoder.encoder.layer[0].output.dropout) is torch.nn.Dropout
