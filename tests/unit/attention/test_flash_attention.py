from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from bertfit.attention import flash_attention, packed_attention
from helpers.reference import attend, jagged

CPU = torch.device("cpu")
LENGTHS = [3, 1, 5, 9]
SCALING = 0.125


def tensors(device: torch.device | str = CPU, dtype=torch.float32, lengths=LENGTHS, heads=2, channels=64):
    """Leaves as the projections leave them, (1, N, H, C), and their views (1, H, N, C)."""
    draw = torch.Generator().manual_seed(sum(lengths))
    shape = (1, sum(lengths), heads, channels)
    leaves = [torch.randn(shape, generator=draw).to(device, dtype).requires_grad_() for _ in range(3)]
    return leaves, [leaf.transpose(1, 2) for leaf in leaves]


def ours(parts, lengths=LENGTHS, dropout: float = 0.0, window: int | None = None):
    ends = packed_attention.Packing.of(list(lengths), parts[0].device).boundaries
    return flash_attention.attend(*parts, ends, max(lengths), scaling=SCALING, dropout=dropout, window=window)


def public(parts, lengths=LENGTHS, dropout: float = 0.0):
    return jagged(*parts, lengths, scaling=SCALING, dropout=dropout)


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
WAYS = [
    pytest.param(public, CPU, torch.float32, id="jagged on a CPU"),
    pytest.param(public, torch.device("cuda"), torch.bfloat16, id="jagged on a GPU", marks=gpu),
    pytest.param(ours, torch.device("cuda"), torch.bfloat16, id="ours on a GPU", marks=gpu),
]


@pytest.mark.parametrize(("way", "device", "dtype"), WAYS)
def test_values_and_gradients_are_those_of_each_document_alone(way, device, dtype):
    """On a GPU the error against float32 is at most 3 times that of the plain form in bfloat16."""
    assert_near(way, device, dtype)


@gpu
@pytest.mark.parametrize("window", [1, 3, 64])
def test_tokens_attend_to_those_within_a_window(window):
    assert_near(partial(ours, window=window), torch.device("cuda"), torch.bfloat16, window)


def assert_near(way, device, dtype, window: int | None = None) -> None:
    exact_leaves, exact = tensors(device)
    half_leaves, half = tensors(device, dtype)
    mine_leaves, mine = tensors(device, dtype)
    expected, plain, found = attend(*exact, LENGTHS, window), attend(*half, LENGTHS, window), way(mine)
    weights = torch.linspace(-1, 1, expected.numel(), device=device).view_as(expected)
    assert found.shape == expected.shape and found.dtype == dtype
    triples = [(found, plain, expected)]
    results = ((found, mine_leaves), (plain, half_leaves), (expected, exact_leaves))
    triples += zip(*(torch.autograd.grad((out * weights).sum(), leaves) for out, leaves in results), strict=True)
    for one, other, truth in triples:
        error, plain_error = ((each.float() - truth).abs().max().item() for each in (one, other))
        assert error <= (1e-5 if dtype == torch.float32 else 3 * plain_error)


def weights_left(way, device, dtype, p: float, seed: int):
    """(documents of 32, H, 32, 32): attention weights after dropout, read off with one-hot values; 1/32 before it."""
    lengths = [32] * 40
    zeros = torch.zeros(1, 4, sum(lengths), 32, device=device, dtype=dtype)
    value = torch.eye(32, device=device, dtype=dtype).repeat(40, 1).expand(1, 4, -1, -1)
    torch.manual_seed(seed)
    rows = [each.transpose(1, 2).contiguous().transpose(1, 2) for each in (zeros, zeros, value)]
    return way(rows, lengths, p)[0].float().unflatten(0, (40, 32)).transpose(1, 2)


@pytest.mark.parametrize(("way", "device", "dtype"), WAYS)
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(way, device, dtype, p):
    left = weights_left(way, device, dtype, p, 1)
    dropped = left == 0
    spread = 5 * np.sqrt(p * (1 - p))
    assert abs(float(dropped.float().mean()) - p) < spread / np.sqrt(dropped.numel())
    for axis in range(4):  # every document, head, query and key gets its share
        shares = dropped.float().mean([each for each in range(4) if each != axis])
        assert float((shares - p).abs().max()) < spread / np.sqrt(dropped.numel() / len(shares))
    kept = left[~dropped]
    assert float((kept * 32 * (1 - p) - 1).abs().max()) < (1e-5 if dtype == torch.float32 else 5e-3)
    assert float(left.sum(-1).mean()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("way", "device", "dtype"), WAYS)
def test_dropout_is_a_function_of_torch_s_seed(way, device, dtype):
    one, same, other = (weights_left(way, device, dtype, 0.1, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


class Calls(TorchDispatchMode):
    """Records operators that move or copy data, and attention kernels with their arguments."""

    WATCHED = ("attention", "copy", "clone", "contiguous", "_local_scalar_dense")

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::")
        if any(word in name for word in self.WATCHED) and not name.startswith("sym_"):
            shown = [
                (tuple(each.shape), each.stride(), each.dtype) if isinstance(each, torch.Tensor) else each
                for each in args
            ]
            self.seen.append((name, shown, kwargs))
        return func(*args, **(kwargs or {}))


def calls(way):
    """What a forward and backward call, on a device without data: asking for a value is an error there."""
    leaves, parts = tensors("meta", torch.bfloat16)
    with FlopCounterMode(display=False), Calls() as recorded:  # under this mode jagged tensors choose as on a GPU
        mixed = way(parts, dropout=0.1)
        torch.autograd.grad(mixed, leaves, torch.empty_like(mixed))
    return mixed, recorded.seen


def test_ours_calls_the_kernel_as_the_public_way_does_and_never_waits():
    mixed, found = calls(ours)
    same, expected = calls(public)
    assert mixed.shape == same.shape == (1, 18, 2, 64) and mixed.dtype == same.dtype == torch.bfloat16
    attentions = [(name, shown, named) for name, shown, named in expected if "attention" in name]
    assert [name for name, _, _ in attentions] == ["_flash_attention_forward", "_flash_attention_backward"]
    boundaries, *kernels = found
    assert boundaries[0] == "_to_copy" and boundaries[1][0][2] == torch.int32  # without a wait: see `transfer`
    assert kernels == attentions
    forward = found[-2][1]
    assert forward[0] == ((18, 2, 64), (128, 64, 1), torch.bfloat16) and forward[5:] == [9, 9, 0.1, False, False]


def test_the_window_is_told_to_both_passes():
    """Of the forward kernel by name; of the backward kernel, which autograd calls, as torch passes it on."""
    _, (_, forward, backward) = calls(partial(ours, window=3))
    assert (forward[0], backward[0]) == ("_flash_attention_forward", "_flash_attention_backward")
    for _, _, named in (forward, backward):
        assert (named["window_size_left"], named["window_size_right"]) == (3, 3)


def test_the_public_way_would_wait_if_it_were_not_told_the_lengths(monkeypatch):
    original = torch.nested.nested_tensor_from_jagged
    monkeypatch.setattr(torch.nested, "nested_tensor_from_jagged", lambda values, ends, **_: original(values, ends))
    with pytest.raises(RuntimeError, match="item"):
        calls(public)


def test_evaluation_needs_no_gradient():
    with torch.inference_mode():
        _, parts = tensors("meta", torch.bfloat16)
        assert ours(parts).shape == (1, 18, 2, 64)


@pytest.mark.parametrize(
    ("dtype", "channels", "capability", "usable"),
    [
        (torch.bfloat16, 64, (8, 0), True),
        (torch.float16, 256, (9, 0), True),
        (torch.float32, 64, (9, 0), False),
        (torch.bfloat16, 60, (9, 0), False),
        (torch.bfloat16, 264, (9, 0), False),
        (torch.bfloat16, 64, (7, 5), False),
    ],
)
def test_where_the_kernels_run(monkeypatch, dtype, channels, capability, usable):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    query = SimpleNamespace(device=torch.device("cuda:0"), dtype=dtype, shape=(1, 2, 18, channels))
    assert flash_attention.usable(query) is usable
    assert not flash_attention.usable(torch.zeros(1, 2, 18, channels, dtype=dtype))


def test_the_package_is_asked_first_and_told_the_same(monkeypatch):
    """With a stand-in of flash-attn's signature that knows documents by the boundaries it is given."""
    asked = {}

    def flash_attn_varlen_func(q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, **more):
        asked.update(more, longest=(max_seqlen_q, max_seqlen_k))
        lengths = cu_seqlens_q.diff().tolist()
        assert torch.equal(cu_seqlens_q, cu_seqlens_k) and cu_seqlens_q.dtype == torch.int32
        return attend(*(each.transpose(0, 1)[None] for each in (q, k, v)), lengths)[0]

    monkeypatch.setattr(flash_attention, "_package", lambda: flash_attn_varlen_func)
    monkeypatch.setattr(flash_attention, "usable", lambda query: True)
    _, parts = tensors()
    packing = packed_attention.Packing.of(LENGTHS, CPU)
    found = packed_attention.attend(*parts, packing, scaling=SCALING, dropout=torch.nn.Dropout(0.1))
    assert torch.equal(found, attend(*parts, LENGTHS))
    assert asked == {"dropout_p": 0.1, "softmax_scale": SCALING, "deterministic": True, "longest": (9, 9)}
