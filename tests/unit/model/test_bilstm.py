from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from bertfit.batching.packing import Batch, positions
from bertfit.config.hyperparameters import Finetune
from bertfit.model import bilstm
from bertfit.model.dropout import Noise
from bertfit.training import optimizer

CPU = torch.device("cpu")
WIDTH, LABELS = 5, 3
RECIPE = Finetune(classifier="bilstm", lstm=4, lstm_attention=6, dropout=0, head_init=0.7)


def batch(lengths: list[int], documents: list[int]) -> Batch:
    """Documents of these lengths, ascending, in an order of their own; the model looks at nothing else."""
    size, ends = sum(lengths), np.array(lengths)
    zeros = np.zeros(size, np.int32)
    count = np.zeros(len(lengths), np.int64)
    return Batch(zeros, zeros, positions(ends), ends, np.array(documents), count, count)


def states(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, WIDTH), np.float32))


def alone(model: bilstm.BiLSTM, document: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lin et al. 2017 written out for one document (T, W): logits (labels,), attention (T,)."""
    found, _ = model.lstm(document[None].transpose(0, 1))
    hidden = found[:, 0]  # (T, 2U)
    scores = torch.tanh(hidden @ model.hidden.weight.T) @ model.score.weight[0]
    weights = torch.exp(scores) / torch.exp(scores).sum()
    return model.output.weight @ (weights @ hidden) + model.output.bias, weights


def test_order_of_a_recurrent_layer():
    steps = bilstm.Steps.of(batch([1, 2, 2, 3], [2, 0, 3, 1]), CPU)  # tokens 0 | 1 2 | 3 4 | 5 6 7
    assert steps.order.tolist() == [5, 1, 3, 0, 6, 2, 4, 7]
    assert steps.documents.tolist() == [1, 0, 3, 2, 1, 0, 3, 1]
    assert steps.times.tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert steps.sizes.tolist() == [4, 3, 1] and steps.shape == (4, 3)


@pytest.mark.parametrize(
    ("lengths", "documents"), [([2, 2, 7, 9, 30], [3, 0, 4, 1, 2]), ([4], [0]), ([6, 6, 6], [2, 1, 0])]
)
def test_packed_equals_each_document_alone(lengths, documents):
    """Logits and the gradients of all weights."""
    packed, reference = (bilstm.BiLSTM(WIDTH, LABELS, RECIPE, 1) for _ in range(2))
    rows, labels = states(sum(lengths)), torch.arange(len(lengths)) % LABELS
    logits = packed(rows, batch(lengths, documents))
    expected = torch.empty(len(lengths), LABELS)
    for document, part in zip(documents, rows.split(lengths), strict=True):
        expected[document] = alone(reference, part)[0]
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-6)
    for answers in (logits, expected):
        functional.cross_entropy(answers, labels).backward()
    for (name, mine), wanted in zip(packed.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, wanted.grad, rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("lengths", [[2, 2, 7, 9, 30], [4], [1, 1, 1]])
def test_written_out_steps_equal_torchs(lengths):
    """What runs on a CPU, against what runs on a GPU: states and the gradients of input and weights."""
    model, rows = bilstm.BiLSTM(WIDTH, LABELS, RECIPE, 1), states(sum(lengths)).requires_grad_()
    steps = bilstm.Steps.of(batch(lengths, list(range(len(lengths)))), CPU)
    pull = states(8 * sum(lengths), 5)[:, 0].view(-1, 8)
    ends = []
    for found in (
        bilstm.lstm_forward(model.lstm, rows[steps.order], steps.sizes.tolist()),
        model.lstm(nn.utils.rnn.PackedSequence(rows[steps.order], steps.sizes))[0].data,
    ):
        gradients = torch.autograd.grad((found * pull).sum(), [rows, *model.lstm.parameters()])
        ends.append([found, *gradients])
    for mine, torchs in zip(*ends, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=0, atol=5e-6)


def test_attention_sums_to_one_in_each_document():
    lengths = [2, 5, 11]
    model, rows = bilstm.BiLSTM(WIDTH, LABELS, RECIPE, 1), states(18)
    steps = bilstm.Steps.of(batch(lengths, [1, 2, 0]), CPU)
    found = model.lstm(nn.utils.rnn.PackedSequence(rows[steps.order], steps.sizes))[0].data
    weights = model.attend(found, steps)
    total = torch.zeros(3).index_add(0, steps.documents, weights)
    torch.testing.assert_close(total, torch.ones(3), rtol=0, atol=1e-6)
    for document, part in zip([1, 2, 0], rows.split(lengths), strict=True):
        mine = weights[steps.documents == document]
        torch.testing.assert_close(mine, alone(model, part)[1], rtol=0, atol=1e-6)
        assert mine.max() > 1.05 / len(part)  # not merely a mean


def test_dropout_acts_before_the_lstm_and_before_the_head():
    """The noise's first draws are for the states, the next for what is pooled; nothing else is drawn."""
    recipe = RECIPE.model_copy(update={"dropout": 0.5})
    model, noise, rows = bilstm.BiLSTM(WIDTH, LABELS, recipe, 1).train(), Noise(), states(9)
    model.noise.reseed(7, 3)
    logits = model(rows, batch([4, 5], [0, 1]))
    noise.reseed(7, 3)
    kept = rows * noise.keep(rows.shape, 0.5)
    model.eval()
    identity, model.output = model.output, nn.Identity()
    pooled = model(kept, batch([4, 5], [0, 1]))
    torch.testing.assert_close(logits, identity(pooled * noise.keep(pooled.shape, 0.5)), rtol=0, atol=1e-6)
    model.output = identity
    assert torch.equal(
        model(rows, batch([4, 5], [0, 1])), bilstm.BiLSTM(WIDTH, LABELS, RECIPE, 1)(rows, batch([4, 5], [0, 1]))
    )


def test_weights_are_a_function_of_the_seed():
    wide = RECIPE.model_copy(update={"lstm": 100, "head_init": 0.02})
    torch.manual_seed(1)
    one = bilstm.BiLSTM(50, LABELS, wide, 1).state_dict()
    torch.manual_seed(2)
    same, other = (bilstm.BiLSTM(50, LABELS, wide, seed).state_dict() for seed in (1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one if name != "output.bias")
    assert 0.0999 < one["lstm.weight_hh_l0_reverse"].abs().max() <= 0.1  # 1 / sqrt(100)
    assert float(one["hidden.weight"].std()) == pytest.approx(0.02, rel=0.1)
    assert not one["output.bias"].any()


def test_no_bias_is_decayed():
    decayed, kept = optimizer.param_groups(bilstm.BiLSTM(WIDTH, LABELS, RECIPE, 1), lr=1e-3, weight_decay=0.01)
    assert (decayed.lr, decayed.weight_decay, kept.lr, kept.weight_decay) == (1e-3, 0.01, 1e-3, 0)
    ends = ("", "_reverse")
    assert set(kept.parameters) == {"output.bias"} | {f"lstm.bias_{kind}h_l0{end}" for kind in "ih" for end in ends}
    assert set(decayed.parameters) == {"hidden.weight", "score.weight", "output.weight"} | {
        f"lstm.weight_{kind}h_l0{end}" for kind in "ih" for end in ends
    }
