"""Sizes of the search on your own dataset, so that it fits a budget: lengths, rounds, epochs, pre-training steps.

They are derived from the file and the budget by a rough estimate of this machine's speed; while the search runs, later
rounds follow the times of the earlier ones (`search.rounds`). Imports neither torch nor pandas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertfit.core.errors import UserError

OPERATIONS = {"cpu": 1e11, "gpu": 2e13}
"""floating-point operations a second, of one CPU core (AVX-512; others are slower) or of one GPU"""
UPDATE_SECONDS = {"cpu": 3e-9, "gpu": 1e-10}
"""of a step, for each parameter"""
LONGEST = {"cpu": 128, "gpu": 512}
"""word pieces of a text that are read at most"""
PASSES = 4
"""pre-training steps for each text: the paper's 100,000 for the 25,000 of IMDb"""
START = 8.0
"""seconds that a job takes beside its training"""
SETUP = 45.0
"""seconds for what comes before and after the search"""
PRETRAINING_SHARE = 0.15
"""of the budget, at most, for one further pre-training"""
CHEAP = 2
"""times that one round of all candidates must fit the budget, to be the only one"""
VALIDATED = 100
"""validation texts that are aimed at: fewer hardly tell candidates apart"""
PATIENCE = 2
"""evaluations, one an epoch, without a lower validation error after which a training stops"""
HEAD_PART = 4
"""the first of so many parts of a further pre-training trains new heads alone, of an encoder that has none"""
HALVINGS = 3
"""rounds at most; each has half the candidates of the one before, and twice its epochs"""
_UNITS = {"": 60, "s": 1, "m": 60, "min": 60, "h": 3600}


def seconds(given: Any) -> float:
    """Seconds of a budget such as ``15m``, ``1.5h`` or ``90s``; a bare number counts minutes.

    Raises `UserError` for anything else, and for less than a minute.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(given).strip().lower())
    if not match or match[2] not in _UNITS or float(match[1]) * _UNITS[match[2]] < 60:
        raise UserError(f"budget={given}: give a time of at least a minute, such as 15m, 1.5h or 900s")
    return float(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class TrainingMachine:
    """What computes: ``cpu`` with a number of cores, or a ``gpu``."""

    kind: str
    cores: int

    def training_seconds(self, shape: EncoderShape, pieces: float, steps: float) -> float:
        """Seconds of ``steps`` updates on ``pieces`` word pieces."""
        speed = OPERATIONS[self.kind] * (self.cores if self.kind == "cpu" else 1)
        return 6 * shape.weights * pieces / speed + steps * UPDATE_SECONDS[self.kind] * shape.parameters


@dataclass(frozen=True)
class EncoderShape:
    """An encoder: its layers, their width, and entries of its vocabulary."""

    layers: int
    hidden: int
    vocabulary: int = 30522

    @property
    def weights(self) -> float:
        """Weights of the layers, each used once for a word piece."""
        return 12.0 * self.layers * self.hidden**2

    @property
    def parameters(self) -> float:
        """Weights with the embeddings."""
        return self.weights + self.vocabulary * self.hidden


@dataclass(frozen=True)
class SearchSizes:
    """Keys of the study, and what the search is expected to take."""

    max_length: int
    rounds: list[float]
    """epochs of each round"""
    keep: list[int]
    """candidates with an encoder in each round"""
    patience: int | None
    pretraining_steps: int
    pretraining_length: int
    seconds: float
    """expected, of all"""

    @property
    def finetune(self) -> dict[str, Any]:
        """Keys of `Finetune`."""
        head = (self.max_length - 2) * 128 // 510
        return {"max_length": self.max_length, "head_tokens": head, "epochs": self.rounds[-1]}

    @property
    def own(self) -> dict[str, Any]:
        """Keys of `OwnDataset`."""
        return {"rounds": self.rounds, "keep": self.keep, "patience": self.patience, "expected": round(self.seconds)}

    @property
    def pretrain(self) -> dict[str, Any]:
        """Keys of `Pretrain`."""
        steps = self.pretraining_steps
        return {"max_length": self.pretraining_length, "steps": steps, "head_steps": steps // HEAD_PART}


@dataclass(frozen=True)
class Dataset:
    """``lengths``: word pieces of a sample of texts; ``rows`` labelled texts, of which ``trained`` are trained on."""

    lengths: Sequence[int]
    trained: float
    documents: int
    """texts to pre-train on"""


def validation_share(rows: int) -> float:
    """Share of the training texts that is validation data: a fifth, of few texts up to a half, `VALIDATED` texts."""
    return float(f"{min(0.5, max(0.2, VALIDATED / max(rows, 1))):.2g}")


def plan(
    data: Dataset,
    study: Mapping[str, Any],
    shape: EncoderShape,
    machine: TrainingMachine,
    budget: float,
    positions: int | None = None,
) -> SearchSizes:
    """Sizes that fit a ``budget`` (seconds) on a ``machine``.

    ``study``: keys of the study file; ``positions``: longest sequence of the encoder, if known. As many epochs as the
    study asks for, in one round if that is cheap, else in two or three; if they do not fit, fewer epochs.
    """
    upper = min(LONGEST[machine.kind], positions or LONGEST[machine.kind])
    ordered = sorted(data.lengths)
    percentile = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] + 2
    length = min(upper, max(32, -(-percentile // 16) * 16))
    mean = sum(min(each + 2, length) for each in ordered) / len(ordered)
    keys = study["finetune"]
    full, batch = float(keys["epochs"]), keys.get("batch_size", 24)
    candidates = study["own"]["candidates"].values()
    encoders = [each for each in candidates if not each.get("counts") and not each.get("uneven")]
    pretrained = sum(bool(candidate.get("pretrained")) for candidate in encoders)
    pretrain_batch, pretrain_length = study["pretrain"]["batch_size"], min(length, 128)
    step = machine.training_seconds(shape, 1.3 * pretrain_batch * pretrain_length, 1)
    affordable = PRETRAINING_SHARE * budget / step
    steps = max(1, int(float(f"{min(100_000, PASSES * data.documents, affordable):.2g}")))
    epoch_steps = max(1.0, data.trained / batch)

    def cost(epochs: float) -> float:
        trained = max(epochs * epoch_steps, keys.get("minimum_steps", 0))
        return START + machine.training_seconds(shape, 1.1 * trained * batch * mean, trained)

    def total(rounds: list[float], keep: list[int]) -> float:
        searched = sum(number * cost(epochs) for number, epochs in zip(keep, rounds, strict=True))
        pretraining = (pretrained + 0.5) * (steps * step + START) if keep[0] == len(encoders) else 0.0
        return SETUP + searched + pretraining + 1.3 * cost(rounds[-1])

    def fitting(halvings: int, number: int) -> tuple[list[float], list[int]]:
        """Rounds that take the budget at most, the study's epochs in the last one if possible."""
        keep = [number, *(max(2 if place == 1 else 1, number // 2**place) for place in range(1, halvings + 1))]
        rounds = [full / 2**place for place in range(halvings, -1, -1)]
        while total(rounds, keep) > budget and rounds[-1] * epoch_steps > keys.get("minimum_steps", 0):
            rounds = [0.9 * epochs for epochs in rounds]
        return rounds, keep

    # One round if it is cheap even on a machine that is slower than estimated; else the first of several measures the
    # machine, and the longest last round is chosen. If nothing fits, fewer candidates in one round, at least two.
    whole = [full], [len(encoders)]
    shortest = full * epoch_steps <= keys.get("minimum_steps", 0)  # all rounds would have the same number of steps
    plans = [fitting(halvings, len(encoders)) for halvings in range(1, HALVINGS)]
    fits = [plan for plan in plans if total(*plan) <= budget]
    if (1 if shortest else CHEAP) * total(*whole) <= budget:
        rounds, keep = whole
    elif fits and not shortest:
        rounds, keep = max(fits, key=lambda each: (round(each[0][-1], 6), -len(each[0])))
    else:
        fewer = [fitting(0, number) for number in range(len(encoders), 1, -1)]
        rounds, keep = next((plan for plan in fewer if total(*plan) <= budget), fewer[-1])
    rounds = [float(f"{epochs:.2g}") for epochs in rounds]
    # the few texts of a small dataset are read so often that an evaluation after each epoch would stop too early
    patience = PATIENCE if rounds[-1] * epoch_steps > keys.get("minimum_steps", 0) else None
    return SearchSizes(length, rounds, keep, patience, steps, pretrain_length, total(rounds, keep))
