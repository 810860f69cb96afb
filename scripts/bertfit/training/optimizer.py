"""The official optimiser (BERTAdam), layer-wise rates; and AdamW.

Sources: optimization.py, run_classifier_single_layer.py and run_classifier_discriminative.py of the official code;
section 4.1 of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from bertfit.batching.transfer import to_device
from bertfit.config.hyperparameters import Finetune
from bertfit.model import packed_encoder
from bertfit.training import adamw, schedules
from bertfit.training.adamw import Moments
from bertfit.training.schedules import Schedule

if TYPE_CHECKING:
    from bertfit.model.half_weights import HalfCopy
    from bertfit.training.fused_update import FusedUpdate

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-6
UNCORRECTED = 2**20  # updates after which beta ** updates is 0; float32 counts exactly to 2 ** 24
Clip = Literal["tensor", "global"]


@dataclass(frozen=True)
class Group:
    """Parameters that share learning rate and weight decay."""

    name: str
    lr: float
    weight_decay: float
    parameters: dict[str, nn.Parameter]


def param_groups(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    layer_decay: float = 1.0,
    embeddings: Literal["base", "decayed"] = "base",
    depth: int | None = None,
) -> list[Group]:
    """Groups by learning rate and decay, in the order of the model; frozen parameters are in none.

    Encoder layer i of L has ``lr * layer_decay ** (L - 1 - i)``, pooler and heads ``lr``; the embeddings ``lr``
    (official code) or ``lr * layer_decay ** L`` (``decayed``, the other reading of the paper). L is ``depth``, or the
    number of the model's layers: a classifier on a lower layer has been cut, its rates stay those of the whole encoder.
    Vectors, which are biases and weights of norms, are not decayed.
    """
    part_of = dict(packed_encoder.parts(model))
    layers = depth or 1 + max((part for part in part_of.values() if isinstance(part, int)), default=-1)
    groups: dict[tuple[str, bool], Group] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        part = part_of.get(parameter, "head")
        name_of_part, rate = str(part), lr
        if isinstance(part, int):
            name_of_part, rate = f"layer {part}", lr * layer_decay ** (layers - 1 - part)
        elif part == "embeddings" and embeddings == "decayed":
            rate = lr * layer_decay**layers
        decayed = parameter.ndim > 1
        new = Group(name_of_part, rate, weight_decay if decayed else 0.0, {})
        group = groups.setdefault((name_of_part, decayed), new)
        group.parameters[name] = parameter
    return list(groups.values())


def describe(groups: Iterable[Group]) -> str:
    """A table for the log: group, learning rate, weight decay, tensors, weights."""
    lines = [f"{'group':<12}{'lr':>12}{'decay':>8}{'tensors':>9}{'weights':>13}"]
    for group in groups:
        weights = sum(parameter.numel() for parameter in group.parameters.values())
        tensors = len(group.parameters)
        lines.append(f"{group.name:<12}{group.lr:>12.4g}{group.weight_decay:>8g}{tensors:>9}{weights:>13,}")
    return "\n".join(lines)


class BertAdam:
    """Adam without bias correction, with decoupled weight decay, as in the official code (optimization.py:44).

    An update is ``w -= lr * (m / (sqrt(v) + 1e-6) + weight_decay * w)``. Done by torch's fused AdamW: its bias
    corrections divide by ``1 - beta ** updates``, and counting from `UNCORRECTED` makes both exactly 1. With
    ``bias_correction`` it counts from 0: torch's AdamW with epsilon 1e-6.

    Clipping to norm ``max_norm`` is per ``tensor`` in the official fine-tuning and ``global`` in the pre-training.

    `step` is `set_rates`, which reads the host, and `update`, which is work of the device alone: a CUDA graph can hold
    it, together with the computation of the gradients.
    """

    def __init__(
        self, groups: list[Group], schedule: Schedule, *, clip: Clip, max_norm: float, bias_correction: bool = False
    ) -> None:
        self.groups, self.schedule = groups, schedule
        self.clip, self.max_norm = clip, max_norm
        self.bias_correction = bias_correction
        self._named = {name: parameter for group in groups for name, parameter in group.parameters.items()}
        self._kinds = list(dict.fromkeys((group.lr, group.weight_decay) for group in groups))  # fewer, longer kernels
        self._kind_of = {
            parameter: self._kinds.index((group.lr, group.weight_decay))
            for group in groups
            for parameter in group.parameters.values()
        }
        self._device = next(iter(self._named.values())).device
        precision = torch.float32 if self._device.type == "cuda" else torch.float64  # what the fused kernels read
        self._rates = torch.ones(2 + len(self._kinds), dtype=precision, device=self._device)
        """Both bias corrections (see `fused_update`), then the learning rates of the kinds."""
        self._of_kinds = [
            [parameter for parameter, of_parameter in self._kind_of.items() if of_parameter == kind]
            for kind in range(len(self._kinds))
        ]
        self._moments: dict[nn.Parameter, Moments] = {}
        self._held: frozenset[nn.Parameter] = frozenset()
        self._copies: Mapping[nn.Parameter, HalfCopy] = {}
        self._use_fused = False
        self._fused: dict[tuple[nn.Parameter, ...], FusedUpdate] = {}  # by the parameters that have gradients

    @property
    def has_copies(self) -> bool:
        """Whether `use_copies` was called."""
        return bool(self._copies)

    def use_copies(self, copies: Mapping[nn.Parameter, HalfCopy], *, fused: bool) -> None:
        """Read the gradients of ``copies`` and update them with their parameters, by `fused_update` if ``fused``."""
        self._copies, self._use_fused = copies, fused

    @property
    def held(self) -> frozenset[nn.Parameter]:
        """What the last `hold` named."""
        return self._held

    def hold(self, held: frozenset[nn.Parameter]) -> None:
        """Leave these parameters as they are until the next call: no update, no moments, no part in a common norm."""
        self._held = held

    def step(self, step: int) -> None:
        """Clip the gradients, do update ``step`` (from 0) and drop the gradients."""
        self.set_rates(step)
        self.prepare()
        self.update()

    def set_rates(self, step: int) -> None:
        """Make the next `update` that of ``step``: what it depends on is copied to the device."""
        corrections = (1 - BETA1 ** (step + 1), 1 - BETA2 ** (step + 1)) if self.bias_correction else (1.0, 1.0)
        rates = [self.schedule.factor(step) * lr for lr, _ in self._kinds]
        self._rates.copy_(to_device(np.array([*corrections, *rates]), self._device))

    def prepare(self) -> None:
        """Create what `update` needs for the parameters that have gradients, as a CUDA graph cannot."""
        gradients = self._gradients()
        new = [parameter for parameter in gradients if parameter not in self._moments]
        for parameter in new:
            self._set_moments(parameter, torch.zeros_like(parameter), torch.zeros_like(parameter), updates=0)
        if self._use_fused and tuple(gradients) not in self._fused:
            self._fused[tuple(gradients)] = self._fuse(gradients)

    def update(self) -> None:
        """Clip the gradients, update weights and copies by the rates set last and drop the gradients."""
        gradients = self._gradients()
        if self._use_fused:
            fused, common = self._fused[tuple(gradients)], self.clip == "global"
            fused.launch(list(gradients.values()), self.max_norm, common=common, rates=self._rates)
        else:
            for parameter in self._copies.keys() & gradients.keys():
                parameter.grad = gradients[parameter].float()
            for parameter in self._held:
                parameter.grad = None
            clip_([parameter.grad for parameter in gradients if parameter.grad is not None], self.max_norm, self.clip)
            for parameters, rate, (_, decay) in zip(self._of_kinds, self._rates[2:].unbind(), self._kinds, strict=True):
                constants = {"beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON}
                adamw.update(parameters, self._moments, lr=rate, weight_decay=decay, **constants)
            for parameter, copy in self._copies.items():
                copy.values.copy_(parameter.detach())
        self.zero_grad()

    def recorded(self) -> None:
        """Call this after a CUDA graph has been recorded that holds an `update`."""
        for fused in self._fused.values():
            fused.recorded()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for parameter in self._kind_of:
            parameter.grad = None
        for copy in self._copies.values():
            copy.shared.grad = None

    def lr(self, step: int) -> float:
        """The base learning rate of update ``step``: that of the head, of which the layers' rates are fractions."""
        return self.schedule.factor(step) * max(group.lr for group in self.groups)

    def moments(self) -> dict[str, Tensor]:
        """Both moments of every parameter that has been updated: ``m/<name>`` and ``v/<name>``."""
        moments = self._moments
        updated = {name: moments[parameter] for name, parameter in self._named.items() if parameter in moments}
        first = {f"m/{name}": of_parameter.first for name, of_parameter in updated.items()}
        return first | {f"v/{name}": of_parameter.second for name, of_parameter in updated.items()}

    def restore(self, moments: dict[str, Tensor], updates: int) -> None:
        """Continue after ``updates`` updates with the result of `moments` and weights that were restored before."""
        for name, parameter in self._named.items():
            if f"m/{name}" in moments:
                first, second = (moments[f"{kind}/{name}"].to(parameter.device) for kind in "mv")
                self._set_moments(parameter, first, second, updates)
        for parameter, copy in self._copies.items():
            copy.values.copy_(parameter.detach())
        self._fused.clear()

    def _gradients(self) -> dict[nn.Parameter, Tensor]:
        """Of every parameter that has one and is not held, in the order of the model; bfloat16 where it has a copy."""
        found = {
            parameter: self._copies[parameter].gradient if parameter in self._copies else parameter.grad
            for parameter in self._named.values()
            if parameter not in self._held
        }
        return {parameter: gradient for parameter, gradient in found.items() if gradient is not None}

    def _fuse(self, parameters: Iterable[nn.Parameter]) -> FusedUpdate:
        from bertfit.training.fused_update import Entry, FusedUpdate  # needs Triton, which comes with torch for CUDA

        entries = [
            Entry(
                weight=parameter.detach(),
                first=self._moments[parameter].first,
                second=self._moments[parameter].second,
                copy=self._copies[parameter].values if parameter in self._copies else None,
                rate=(kind := self._kind_of[parameter]),
                decay=self._kinds[kind][1],
            )
            for parameter in parameters
        ]
        fused = FusedUpdate(entries, beta1=BETA1, beta2=BETA2, epsilon=EPSILON)
        fused.compile(self._rates)
        return fused

    def _set_moments(self, parameter: nn.Parameter, first: Tensor, second: Tensor, updates: int) -> None:
        before = 0 if self.bias_correction else UNCORRECTED
        counted = torch.full((), float(before + updates), device=parameter.device)
        self._moments[parameter] = Moments(counted, first.detach(), second.detach())


def for_recipe(model: nn.Module, recipe: Finetune, total: int, depth: int | None = None) -> BertAdam:
    """The optimiser that ``recipe`` asks for, of a schedule over ``total`` updates; ``depth`` as in `param_groups`."""
    groups = param_groups(
        model,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        layer_decay=recipe.layer_decay,
        embeddings=recipe.embeddings,
        depth=depth,
    )
    return BertAdam(
        groups,
        schedules.of_recipe(recipe, total),
        clip=recipe.clip_by,
        max_norm=recipe.clip,
        bias_correction=recipe.bias_correction,
    )


def clip_(gradients: list[Tensor], max_norm: float, how: Clip) -> None:
    """Scale gradients in place to a norm of at most ``max_norm``: each by itself, or all by their common norm."""
    if how == "global":
        norms = nn.utils.get_total_norm(gradients).expand(len(gradients))
    else:
        norms = torch.stack(torch._foreach_norm(gradients))
    scales = (max_norm / (norms + 1e-6)).clamp(max=1)
    if scales.device.type == "cpu":
        if long := [(gradient, scale) for gradient, scale in zip(gradients, scales.tolist(), strict=True) if scale < 1]:
            torch._foreach_mul_(*map(list, zip(*long, strict=True)))
    elif how == "global":
        torch._foreach_mul_(gradients, scales[0])  # one tensor for all is a few kernels; a list is one a tensor
    else:  # reading them would wait for the GPU
        torch._foreach_mul_(gradients, list(scales.unbind()))
