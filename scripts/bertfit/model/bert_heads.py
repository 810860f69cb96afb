"""The heads of BERT's pre-training; weights have the names of transformers' BERT.

Shapes: R rows, M masked words, B documents, D width of the encoder, V vocabulary.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bertfit.encoders.encoder_folder import WEIGHTS
from bertfit.model import bert
from bertfit.model.bert import Activated, Bert, BertConfig
from bertfit.model.dropout import Noise
from bertfit.model.packed_encoder import PretrainingModel


class Transform(Activated):
    """Linear map and activation function, normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config.hidden_size, config)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """(R, D), of ``hidden`` (R, D)."""
        return self.LayerNorm(super().forward(hidden))


class MaskedWords(nn.Module):
    """The head of masked-language modelling."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.transform = Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits (R, V), of ``hidden`` (R, D)."""
        return self.decoder(self.transform(hidden))


class Heads(nn.Module):
    """The heads of pre-training: masked words, and whether the next segment is a random one."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.predictions = MaskedWords(config)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)


class PretrainingBert(PretrainingModel):
    """The encoder with the heads of pre-training."""

    next_sentence = True

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = Bert(config, pooler=True)
        self.cls = Heads(config)
        self.tie()

    @property
    def encoder(self) -> Bert:  # type: ignore[override]
        """The encoder without the heads."""
        return self.bert

    def words(self, hidden: Tensor) -> Tensor:
        """Logits (M, V) of masked words, of their states ``hidden`` (M, D)."""
        return self.cls.predictions(hidden)

    def follows(self, first: Tensor) -> Tensor:
        """Logits (B, 2) of next-sentence prediction, of the states ``first`` (B, D) of [CLS]."""
        assert self.bert.pooler is not None
        return self.cls.seq_relationship(self.bert.pooler(first))

    def is_word_head(self, name: str) -> bool:
        """Whether the parameter with this name is one of the head of masked words."""
        return name.startswith("cls.predictions.")

    def save(self, folder: Path) -> None:
        """Write config.json, and the weights as safetensors, into a folder."""
        config = self.config.to_dict() | {"architectures": ["BertForPreTraining"], "dtype": "float32"}
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        weights = dict(self.named_parameters())  # without those that are tied
        save_file({name: weight.detach() for name, weight in weights.items()}, folder / WEIGHTS, {"format": "pt"})

    def install_dropout(self, noise: Noise, *, hidden: float, attention: float) -> None:
        """Replace every dropout."""
        bert.install_dropout(self, noise, hidden=hidden, attention=attention)

    def tie(self) -> None:
        """Let the head of masked words share the word vectors of the embeddings, unless the configuration says no."""
        if self.config.tie_word_embeddings:
            self.cls.predictions.decoder.bias = self.cls.predictions.bias
            self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight
