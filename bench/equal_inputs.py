"""Shared by the comparisons of `equal`: synthetic inputs, and the largest difference between two implementations.

Shapes: B documents of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertfit.batching import packing
from bertfit.batching.packing import Batch, MaskedBatch
from bertfit.config.encoder_schema import Shape
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.hugging_face import hf_encoder
from bertfit.model import classifier_head, pretrainer
from bertfit.tokens import instance_file, special_tokens, token_file
from bertfit.tokens.instance_file import Instances
from bertfit.tokens.token_file import Tokens
from helpers import tiny

SHAPE = Shape(layers=3, hidden=128, heads=2, intermediate=512, positions=64, initializer_range=0.1)
PLAIN = Finetune(max_length=48, head_tokens=12, fractions=3, dropout=0, attention_dropout=0, head_init=0.5)
PRETRAIN = Pretrain(max_length=64, max_predictions=10, dupe=1, dropout=0, attention_dropout=0)
NEARLY_NONE = 1e-6  # rate of attention dropout that takes the grouped path but drops nothing, as draws have 16 bits
EXAMPLES = list(range(24))
ROUNDING = 1e-5  # share of the largest value: rounding of float32 sums in another order
BFLOAT16 = 3.0  # times the reference's error in bfloat16 (as in flash-attention's tests)

Values = Tensor | Mapping[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """One line of the table."""

    path: str
    """fast path / reference"""
    quantity: str
    difference: float
    """largest absolute difference of two elements"""
    bound: float

    @property
    def ok(self) -> bool:
        """Whether the difference is within the bound; NaN is not."""
        return self.difference <= self.bound


Differences = Iterator[Difference]


@dataclass(frozen=True)
class Inputs:
    """Files of a synthetic corpus and a randomly initialised encoder, and the device to compare on."""

    folder: Path
    device: torch.device
    train: Tokens
    test: Tokens
    instances: Instances

    def encoder(self) -> Any:
        """The encoder, on the device."""
        encoder: nn.Module = hf_encoder.load_encoder(self.folder / "encoder")
        return encoder.to(self.device)

    def classifier(self, recipe: Finetune) -> classifier_head.Classifier:
        """A model in training mode, on the device."""
        model = classifier_head.Classifier(self.encoder(), len(self.train.label_names), recipe, seed=5)
        return model.to(self.device).train()

    def pretrainer(self, pretrain: Pretrain) -> pretrainer.Pretrainer:
        """A model in training mode, on the device."""
        model, _ = hf_encoder.load_pretraining(self.folder / "encoder", 1)
        return pretrainer.Pretrainer(model, pretrain).to(self.device).train()

    def batch(self, recipe: Finetune) -> Batch:
        """A packed batch of `EXAMPLES`."""
        return packing.collate(self.train, EXAMPLES, recipe)

    def masked_batch(self) -> MaskedBatch:
        """A packed batch of sixteen pre-training instances."""
        return packing.collate_masked(self.instances, range(16))

    def labels(self, batch: Batch) -> Tensor:
        """(B,) labels on the device."""
        return torch.from_numpy(batch.labels).to(self.device)


def make(folder: Path, device: torch.device) -> Inputs:
    """Write the files of the inputs."""
    words = tiny.vocabulary(folder / "words")
    pieces = tiny.WORDS + len(special_tokens.SPECIAL)
    hf_encoder.save(hf_encoder.scratch(SHAPE, pieces, 1), words, folder / "encoder", {})
    train, test = (
        token_file.read(tiny.tokens_file(folder / f"{name}.arrow", words, size, seed))
        for name, size, seed in (("train", 60, 1), ("test", 40, 2))
    )
    instances = tiny.instances_file(folder / "instances.arrow", words, PRETRAIN, 20, 3)
    return Inputs(folder, device, train, test, instance_file.Instances(instances))


def compare(path: str, quantity: str, ours: Values, reference: Values, share: float) -> Difference:
    """Difference with a bound of ``share`` of the reference's largest value; 0 requires equal values."""
    return Difference(path, quantity, distance(ours, reference), share * _largest(_named(reference).values()))


def bfloat16(path: str, quantity: str, ours: Values, reference: Values, exact: Values) -> Difference:
    """Error of ours in bfloat16, bounded by three times the reference's; ``exact`` is the reference in float32."""
    return Difference(path, quantity, distance(ours, exact), BFLOAT16 * distance(reference, exact))


def distance(first: Values, second: Values) -> float:
    """Largest absolute difference of two elements; infinite where names or shapes differ."""
    left, right = _named(first), _named(second)
    shapes = [{name: tensor.shape for name, tensor in side.items()} for side in (left, right)]
    if shapes[0] != shapes[1]:
        return math.inf
    return _largest(left[name].double() - right[name].double() for name in left)


def _named(values: Values) -> Mapping[str, Tensor]:
    return {"": values} if isinstance(values, Tensor) else values


def _largest(tensors: Any) -> float:
    """Largest absolute value; NaN if any is."""
    return float(torch.stack([tensor.detach().abs().max().cpu().double() for tensor in tensors]).max())
