"""bfloat16 copies of the weights of linear modules, so that no step has to cast them.

Under autocast each weight is cast before its product, and its gradient after another one: for BERT-base more than 300
of the 1,400 kernels of a step. With `install` the modules compute with copies, whose gradients are bfloat16; the
optimiser reads these and writes weights and copies (`optimizer.BertAdam.use_copies`). Queries, keys and values are one
product with one copy. Results and gradients are those of autocast bit for bit, but for sums of that product.
Shapes: N packed tokens, H heads, C channels of a head, D width of the encoder.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit.attention.packed_attention import Packing
from bertfit.model.bert import SelfAttention


@dataclass(frozen=True)
class HalfCopy:
    """Where the copy of a parameter is: rows of a tensor that other parameters may share."""

    shared: Tensor
    """A leaf; its gradient holds that of the parameter."""
    rows: slice

    @property
    def values(self) -> Tensor:
        """The copy, of the parameter's shape."""
        return self.shared.detach()[self.rows]

    @property
    def gradient(self) -> Tensor | None:
        """Its gradient; None where nothing depended on it."""
        return None if self.shared.grad is None else self.shared.grad[self.rows]


class HalfLinear(nn.Linear):
    """A linear module that computes with `half_weight` and `half_bias`."""

    half_weight: Tensor
    half_bias: Tensor | None

    def forward(self, input: Tensor) -> Tensor:
        """(..., out_features) bfloat16, within autocast."""
        return functional.linear(input, self.half_weight, self.half_bias)


class JointSelfAttention(SelfAttention):
    """Self-attention that computes queries, keys and values as one product with `half_weight` and `half_bias`."""

    half_weight: Tensor
    half_bias: Tensor

    def forward(self, hidden: Tensor, packing: Packing) -> Tensor:
        """(1, N, D) bfloat16, within autocast, of ``hidden`` (1, N, D)."""
        joint = functional.linear(hidden, self.half_weight, self.half_bias)
        return self.attend(joint.unflatten(-1, (3, self.heads, self.channels)).unbind(-3), packing)


def install(model: nn.Module) -> dict[nn.Parameter, HalfCopy]:
    """Let the linear modules of ``model`` compute with copies; returns the copies of the parameters that are trained.

    Modules keep their parameters, so that a saved model is the same. A weight that several modules share, such as that
    of the MLM head, has no copy. Raises ValueError if a module has copies already.
    """
    if any(isinstance(module, HalfLinear | JointSelfAttention) for module in model.modules()):
        raise ValueError("the model has copies of its weights already")
    uses = Counter(id(module._parameters["weight"]) for module in model.modules() if "weight" in module._parameters)
    joint = [
        module
        for module in model.modules()
        if isinstance(module, SelfAttention)
        and all(type(linear) is nn.Linear for linear in (module.query, module.key, module.value))  # none has an adapter
    ]
    linears_of: dict[nn.Module, list[nn.Linear]] = {
        module: [module.query, module.key, module.value] for module in joint
    }
    computed = {linear for linears in linears_of.values() for linear in linears}
    for module in model.modules():
        if type(module) is nn.Linear and module not in computed and uses[id(module.weight)] == 1:
            linears_of[module] = [module]
    copies: dict[nn.Parameter, HalfCopy] = {}
    for module, linears in linears_of.items():
        module.__class__ = JointSelfAttention if isinstance(module, SelfAttention) else HalfLinear
        for kind in ("weight", "bias"):
            shared = _copy([getattr(linear, kind) for linear in linears], copies)
            object.__setattr__(module, f"half_{kind}", shared)  # no parameter: it is not saved or moved
    return copies


def _copy(parameters: list[nn.Parameter | None], copies: dict[nn.Parameter, HalfCopy]) -> Tensor | None:
    """The common copy of parameters, which are entered into ``copies``."""
    present = [parameter for parameter in parameters if parameter is not None]
    if not present:
        return None
    trained = present[0].requires_grad
    shared = torch.cat([parameter.detach() for parameter in present]).bfloat16().requires_grad_(trained)
    start = 0
    for parameter in present:
        if trained:
            copies[parameter] = HalfCopy(shared, slice(start, start + len(parameter)))
        start += len(parameter)
    return shared
