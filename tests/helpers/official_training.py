"""The official training, written out: optimiser, heads, rates and losses on transformers' own BERT, padded and masked.

A port of what run_classifier_single_layer.py, run_classifier_discriminative.py, run_classifier_multitask.py (with
modeling and optimization.py) and run_pretraining.py compute, in plain steps and without dropout. It shares no code with
`bertfit`. What decides a number in the official code is a field of `Facts`, so that a test can change it.
Shapes: B documents, T tokens of the longest of them, C classes, D width of the encoder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Facts:
    """What the official code does (the defaults), and what else it might have done."""

    bias_correction: bool = False
    epsilon: float = 1e-6
    epsilon_is_inside: bool = False
    """Under the square root, in place of beside it."""
    clip: Literal["tensor", "global", "none"] = "tensor"
    max_norm: float = 1.0
    decay: float = 0.01
    decay_is_decoupled: bool = True
    """Added to the update, in place of to the gradient."""
    undecayed: tuple[str, ...] = ("bias", "gamma", "beta")
    """Parts of the names of parameters that are not decayed; LayerNorm has gamma and beta."""
    schedule: Literal["jump", "continuous", "constant"] = "jump"
    first_step: int = 0
    """The step of the first update."""
    negative_rates: bool = True
    embeddings: Literal["base", "decayed"] = "base"
    top_layer: Literal["base", "decayed"] = "base"
    """The rate of the highest layer: the base rate, or already a factor of xi below it."""
    unused_heads: Literal["decayed", "untouched"] = "decayed"
    """Multi-task: heads of other corpora have gradients of zero, as ``DataParallel`` gives them, or none."""


@dataclass(frozen=True)
class Plan:
    """Numbers that the command line of the official scripts gives, or that they compute of the data."""

    lr: float
    total: int
    """``t_total``: int(examples / batch * epochs)."""
    warmup: float = 0.1
    xi: float = 1.0


class BERTAdam:
    """One rate, decay, step and pair of moments for each parameter; ``named`` has transformers' names."""

    def __init__(self, named: Mapping[str, nn.Parameter], plan: Plan, facts: Facts, depth: int) -> None:
        self.named, self.plan, self.facts = dict(named), plan, facts
        self.rates = {name: plan.lr * self._share(name, depth) for name in named}
        self.decays = {name: 0.0 if self._is_undecayed(name) else facts.decay for name in named}
        self.first = {name: torch.zeros_like(parameter) for name, parameter in named.items()}
        self.second = {name: torch.zeros_like(parameter) for name, parameter in named.items()}
        self.steps = dict.fromkeys(named, facts.first_step)

    def _share(self, name: str, depth: int) -> float:
        """Share of the base rate: xi ** (11 - i) in layer i of 12, 1 elsewhere."""
        xi, lowered = self.plan.xi, self.facts.top_layer == "decayed"
        if found := re.search(r"\blayer\.(\d+)\.", name):
            return xi ** (depth - 1 - int(found[1]) + lowered)
        if "embeddings" in name and self.facts.embeddings == "decayed":
            return xi**depth
        return 1.0

    def _is_undecayed(self, name: str) -> bool:
        """By the names of the official code, which calls weight and bias of a LayerNorm gamma and beta."""
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        return any(part in name for part in self.facts.undecayed)

    def factor(self, step: int) -> float:
        """``warmup_linear`` of the share of the steps that is done."""
        done, warmup = step / self.plan.total, self.plan.warmup
        if self.facts.schedule == "constant":
            return 1.0
        if done < warmup:
            return done / warmup
        left = 1 - done if self.facts.schedule == "jump" else (1 - done) / (1 - warmup)
        return left if self.facts.negative_rates else max(left, 0.0)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        facts = self.facts
        gradients = {name: each.grad for name, each in self.named.items() if each.grad is not None}
        norms = {name: float(gradient.norm()) for name, gradient in gradients.items()}
        whole = math.sqrt(sum(norm**2 for norm in norms.values()))
        for name, gradient in gradients.items():
            weight, norm = self.named[name], whole if facts.clip == "global" else norms[name]
            if norm > facts.max_norm and facts.clip != "none":
                gradient = gradient * (facts.max_norm / (norm + 1e-6))
            if not facts.decay_is_decoupled:
                gradient = gradient + self.decays[name] * weight
            first = self.first[name] = 0.9 * self.first[name] + 0.1 * gradient
            second = self.second[name] = 0.999 * self.second[name] + 0.001 * gradient * gradient
            done = self.steps[name] - facts.first_step + 1
            if facts.bias_correction:
                first, second = first / (1 - 0.9**done), second / (1 - 0.999**done)
            root = (second + facts.epsilon).sqrt() if facts.epsilon_is_inside else second.sqrt() + facts.epsilon
            update = first / root
            if facts.decay_is_decoupled:
                update = update + self.decays[name] * weight
            weight -= self.rates[name] * self.factor(self.steps[name]) * update
            self.steps[name] += 1


class Classifiers(nn.Module):
    """BERT with one linear head, or one for each task."""

    def __init__(
        self, bert: Any, heads: Sequence[nn.Linear], layers: Sequence[int] | Literal["pooler"], pooling: str = "concat"
    ) -> None:
        """``layers``: 0 is the lowest layer of the encoder."""
        super().__init__()
        self.bert, self.heads = bert, nn.ModuleList(heads)
        self.layers, self.pooling = layers, pooling

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor, task: int = 0) -> Tensor:
        """(B, C): logits of one task; ``ids``, ``types`` and ``mask`` are (B, T)."""
        out = self.bert(input_ids=ids, token_type_ids=types, attention_mask=mask, output_hidden_states=True)
        if self.layers == "pooler":
            return self.heads[task](out.pooler_output)
        first_tokens = [out.hidden_states[1 + layer][:, 0] for layer in self.layers]  # 0 are the embeddings
        if self.pooling == "concat":
            return self.heads[task](torch.cat(first_tokens, dim=-1))
        stacked = torch.stack(first_tokens)
        return self.heads[task](stacked.mean(dim=0) if self.pooling == "mean" else stacked.max(dim=0)[0])


def padded(inputs: Sequence[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T) ids, token types and mask of sequences of ids and types."""
    longest = max(len(ids) for ids, _ in inputs)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in inputs])
    types = torch.tensor([types + [0] * (longest - len(types)) for _, types in inputs])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in inputs])
    return ids, types, mask


@dataclass(frozen=True)
class Seen:
    """What one update computed, before it changed the weights."""

    logits: Tensor
    loss: float
    gradients: dict[str, Tensor]
    """By the names of transformers; parameters without a gradient are left out."""


def named(model: Classifiers) -> dict[str, nn.Parameter]:
    """All parameters, by names of transformers without prefix, and ``head.<task>.weight`` and ``.bias``."""
    return {re.sub(r"^bert\.|(?<=^head)s", "", name): parameter for name, parameter in model.named_parameters()}


class Training:
    """A fine-tuning, on one task or several."""

    def __init__(self, model: Classifiers, plan: Plan, facts: Facts = Facts()) -> None:  # noqa: B008  # frozen
        self.model, self.facts = model.train(), facts
        self.adam = BERTAdam(named(model), plan, facts, depth=model.bert.config.num_hidden_layers)

    def update(self, inputs: Sequence[tuple[list[int], list[int]]], labels: Sequence[int], task: int = 0) -> Seen:
        """One batch, of one task."""
        logits = self.model(*padded(inputs), task)
        loss = functional.cross_entropy(logits, torch.tensor(labels))
        loss.backward()
        for number, head in enumerate(self.model.heads):
            for parameter in head.parameters():
                if number != task and self.facts.unused_heads == "decayed":
                    parameter.grad = torch.zeros_like(parameter)
        gradients = {name: each.grad.clone() for name, each in self.adam.named.items() if each.grad is not None}
        self.adam.step()
        for parameter in self.adam.named.values():
            parameter.grad = None
        return Seen(logits.detach(), loss.item(), gradients)


def pretraining_update(
    model: Any, adam: BERTAdam, instances: Sequence[tuple[list[int], list[int], list[int], list[int], int]]
) -> tuple[float, float]:
    """One update of a ``BertForPreTraining`` on (ids, types, masked positions, their words, random next).

    Returns the losses, sum(w * nll) / (sum(w) + 1e-5) of the masked words and the mean of the next sentences.
    """
    ids, types, mask = padded([instance[:2] for instance in instances])
    out = model(input_ids=ids, token_type_ids=types, attention_mask=mask)
    losses = [
        functional.cross_entropy(out.prediction_logits[row, position], torch.tensor(word))
        for row, (_, _, positions, words, _) in enumerate(instances)
        for position, word in zip(positions, words, strict=True)
    ]
    masked = torch.stack(losses).sum() / (len(losses) + 1e-5)
    follows = functional.cross_entropy(out.seq_relationship_logits, torch.tensor([each[4] for each in instances]))
    (masked + follows).backward()
    adam.step()
    model.zero_grad(set_to_none=True)
    return masked.item(), follows.item()
