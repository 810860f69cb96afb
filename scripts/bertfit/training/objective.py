"""What a classifier is trained for: the loss of a batch, of one label a text or several, weighted or not.

Losses are means over the documents of a batch, so that the parts of several ranks add up (`rank_split`): weights are
not divided by their sum over the batch, as torch's cross-entropy does. Balanced weights are 1 on average over the
training set. Nothing here waits for the device. Shapes: B documents, C classes, R training rows, S sets of classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bertfit.batching.example_order import Array
from bertfit.batching.model_inputs import IGNORED
from bertfit.config.hyperparameters import Finetune
from bertfit.core import label_sets
from bertfit.core.label_sets import LabelSets

LARGEST = 10.0
"""of the weights of texts that have a label, where a text may have several: a rare label would outweigh all others"""
SMALLEST = 1e-7
"""of ``1 - p`` in the focal loss, whose gradient is infinite at 0 for a gamma below 1"""


@dataclass(frozen=True)
class Objective:
    """The loss of a recipe on a corpus, on a device."""

    focal: float = 0.0
    """gamma of the focal loss"""
    weights: Tensor | None = None
    """(C,) float32: of the texts of each class; of several labels, of the texts that have a label"""
    members: Tensor | None = None
    """(S, C) float32: 1 where a set of classes holds a class; None for one label a text"""

    @classmethod
    def of(
        cls,
        recipe: Finetune,
        labels: Array,
        classes: int,
        sets: LabelSets | None = None,
        device: torch.device | str = "cpu",
    ) -> Objective:
        """That of ``recipe``; ``labels`` (R,) are those of the training rows, or numbers of ``sets``."""
        members = None if sets is None else label_sets.members(sets, classes)
        counts = np.bincount(labels, minlength=classes) if members is None else members[labels].sum(0)
        balanced = balanced_weights(counts) if members is None else balanced_positives(counts, len(labels))
        weights = balanced if recipe.class_weights == "balanced" else None
        on_device = [
            None if array is None else torch.from_numpy(array.astype(np.float32)).to(device)
            for array in (weights, members)
        ]
        return cls(recipe.focal, *on_device)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of logits (B, C) float32 and labels (B,) int64; documents labelled `IGNORED` do not count.

        Cross-entropy; of several labels binary cross-entropy, the mean over the classes.
        """
        if self.members is None and self.weights is None and not self.focal:
            return functional.cross_entropy(logits, labels)
        counted = labels != IGNORED
        known = labels.clamp(min=0)
        if self.members is None:
            losses = self._focused(functional.cross_entropy(logits, known, reduction="none"))
            losses = losses if self.weights is None else losses * self.weights[known]
        else:
            has = self.members[known]
            losses = self._focused(functional.binary_cross_entropy_with_logits(logits, has, reduction="none"))
            losses = (losses if self.weights is None else losses * torch.where(has > 0, self.weights, 1.0)).mean(1)
        return (losses * counted).sum() / counted.sum()

    def _focused(self, losses: Tensor) -> Tensor:
        """Cross-entropies -log p times (1 - p) ** gamma."""
        return losses * (-torch.expm1(-losses)).clamp(min=SMALLEST) ** self.focal if self.focal else losses


def balanced_weights(counts: Sequence[int] | Array) -> npt.NDArray[np.float64]:
    """(C,) texts / (classes * texts of the class), as scikit-learn's ``balanced``; 0 for a class without texts."""
    counts = np.asarray(counts)
    return counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)) * (counts > 0)


def balanced_positives(counts: Sequence[int] | Array, texts: int) -> npt.NDArray[np.float64]:
    """(C,) texts without a label / texts with it (``counts``), at most `LARGEST` and at least its inverse."""
    counts = np.asarray(counts)
    return np.clip((texts - counts) / np.maximum(counts, 1), 1 / LARGEST, LARGEST)
