"""What the comparisons of `equal` share: a made-up world to compare in, and the largest difference of two ways.

Shapes: B documents of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bertfit.batching import packing
from bertfit.batching.packing import Batch, MaskedBatch
from bertfit.config.hyperparameters import Finetune, Pretrain
from bertfit.config.study_schema import Shape
from bertfit.model import hf_encoder, packed_bert
from bertfit.tokens import instance_file, token_file, vocabulary_file
from bertfit.tokens.instance_file import Instances
from bertfit.tokens.token_file import Tokens
from helpers import tiny

SHAPE = Shape(layers=3, hidden=128, heads=2, intermediate=512, positions=64, initializer_range=0.1)
PLAIN = Finetune(max_length=48, head_tokens=12, fractions=3, dropout=0, attention_dropout=0, head_init=0.5)
PRETRAIN = Pretrain(max_length=64, max_predictions=10, dupe=1, dropout=0, attention_dropout=0)
NEARLY_NONE = 1e-6  # of attention dropout: takes the grouped way and drops nothing, as draws have 16 bits
EXAMPLES = list(range(24))
ROUNDING = 1e-5  # share of the largest value: what another order of float32 sums may change
BFLOAT16 = 3.0  # times the plain error in bfloat16 (the rule of flash-attention's tests)

Values = Tensor | Mapping[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """One line of the table."""

    path: str
    """fast way / plain way"""
    quantity: str
    difference: float
    """the largest of all elements"""
    bound: float

    @property
    def ok(self) -> bool:
        """Within the bound; what is not a number is not."""
        return self.difference <= self.bound


Differences = Iterator[Difference]


@dataclass(frozen=True)
class World:
    """Files of a made-up corpus and an encoder of random weights, and the device to compare on."""

    folder: Path
    where: torch.device
    train: Tokens
    test: Tokens
    instances: Instances

    def encoder(self) -> Any:
        """The encoder, on the device."""
        return hf_encoder.load_encoder(self.folder / "encoder").to(self.where)

    def classifier(self, recipe: Finetune) -> packed_bert.Classifier:
        """In training, on the device."""
        model = packed_bert.Classifier(self.encoder(), len(self.train.label_names), recipe, seed=5)
        return model.to(self.where).train()

    def pretrainer(self, pretrain: Pretrain) -> packed_bert.Pretrainer:
        """In training, on the device."""
        model, _ = hf_encoder.load_pretraining(self.folder / "encoder", 1)
        return packed_bert.Pretrainer(model, pretrain).to(self.where).train()

    def batch(self, recipe: Finetune) -> Batch:
        """Of `EXAMPLES`."""
        return packing.collate(self.train, EXAMPLES, recipe)

    def masked_batch(self) -> MaskedBatch:
        """Sixteen instances."""
        return packing.collate_masked(self.instances, range(16))

    def labels(self, batch: Batch) -> Tensor:
        """(B,) on the device."""
        return torch.from_numpy(batch.labels).to(self.where)


def make(folder: Path, where: torch.device) -> World:
    """Write the files."""
    words = tiny.vocabulary(folder / "words")
    pieces = tiny.WORDS + len(vocabulary_file.SPECIAL)
    hf_encoder.save(hf_encoder.scratch(SHAPE, pieces, 1), words, folder / "encoder", {})
    train, test = (
        token_file.read(tiny.tokens_file(folder / f"{name}.arrow", words, size, seed))
        for name, size, seed in (("train", 60, 1), ("test", 40, 2))
    )
    made = tiny.instances_file(folder / "instances.arrow", words, PRETRAIN, 20, 3)
    return World(folder, where, train, test, instance_file.Instances(made))


def compare(path: str, quantity: str, ours: Values, plain: Values, share: float) -> Difference:
    """Bounded by ``share`` of the plain way's largest value; 0 asks for the same values."""
    return Difference(path, quantity, distance(ours, plain), share * _largest(_named(plain).values()))


def bfloat16(path: str, quantity: str, ours: Values, plain: Values, exact: Values) -> Difference:
    """Our error in bfloat16, bounded by three times the plain way's; both against the plain way in float32."""
    return Difference(path, quantity, distance(ours, exact), BFLOAT16 * distance(plain, exact))


def distance(one: Values, other: Values) -> float:
    """The largest difference of two elements in the same place; infinite where the places are not the same."""
    first, second = _named(one), _named(other)
    shapes = [{name: each.shape for name, each in side.items()} for side in (first, second)]
    if shapes[0] != shapes[1]:
        return math.inf
    return _largest(first[name].double() - second[name].double() for name in first)


def _named(values: Values) -> Mapping[str, Tensor]:
    return {"": values} if isinstance(values, Tensor) else values


def _largest(tensors: Any) -> float:
    """The largest magnitude; not a number if one is not."""
    return float(torch.stack([each.detach().abs().max().cpu().double() for each in tensors]).max())
