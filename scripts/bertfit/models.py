"""BERT on packed batches: loading encoders, the classifier with its pooling, the pre-training heads.

The modules are Hugging Face's own, so weights, names and numerics are theirs. Heads read single rows of the last layer
([CLS], masked words), so its output projection and feed-forward are computed at these rows only: nothing else reads them.
Shapes: N packed tokens, P pieces, B documents, K fractions of a document, M masked words, R rows, D width, V vocabulary.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bertfit import attention
from bertfit.dropout import Dropout, Noise, install
from bertfit.errors import UserError
from bertfit.spec import Finetune, Pretrain, Shape

if TYPE_CHECKING:  # costs seconds: left to the functions that need it
    from transformers import BertForPreTraining, BertModel

    from bertfit.batches import Batch
    from bertfit.pretraining import MaskedBatch

ATTENTION_WIDTH = 128  # hierarchical self-attention, modeling_last_concat_avg.py:406 of the official code


class Packed(Protocol):
    """A packed row of sequences: `batches.Batch`, `pretraining.MaskedBatch`."""

    input_ids: npt.NDArray[np.integer]
    token_types: npt.NDArray[np.integer]
    position_ids: npt.NDArray[np.integer]
    lengths: npt.NDArray[np.integer]


def load_encoder(folder: Path) -> BertModel:
    """The encoder of a folder in Hugging Face format, with packed attention and without pooler.

    Raises `UserError` where the folder is not a whole BERT.
    """
    from transformers.models.bert.modeling_bert import BertModel

    model = _load(BertModel, folder, optional=(), add_pooling_layer=False)
    return model


def load_pretraining(folder: Path, seed: int) -> tuple[BertForPreTraining, bool]:
    """The encoder of a folder with its MLM and NSP heads, and whether heads were missing and drawn from ``seed``.

    Raises `UserError` where the folder is not a whole BERT.
    """
    from transformers.models.bert.modeling_bert import BertForPreTraining

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _load(BertForPreTraining, folder, optional=("cls.", "bert.pooler."))
    return model, bool(model.fresh_heads)


def scratch(shape: Shape, vocabulary_size: int, seed: int) -> BertForPreTraining:
    """A BERT of random weights, a function of ``seed``."""
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertForPreTraining

    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.positions,
        initializer_range=shape.initializer_range,
        attn_implementation=attention.register(),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return BertForPreTraining(config)


def encode(bert: BertModel, batch: Packed, rows: Tensor) -> Tensor:
    """(R, D): hidden states of the last layer at ``rows`` (R,) of the packed row."""
    device = rows.device
    ids, types, places = (
        torch.from_numpy(each).to(device, non_blocking=True)[None]
        for each in (batch.input_ids, batch.token_types, batch.position_ids)
    )
    packing = attention.Packing(batch.lengths.tolist(), device)
    hidden = bert.embeddings(input_ids=ids, token_type_ids=types, position_ids=places)
    *body, last = bert.encoder.layer
    for layer in body:
        hidden = layer(hidden, None, packing=packing)
    context, _ = last.attention.self(hidden, None, packing=packing)
    attended = last.attention.output(context.index_select(1, rows), hidden.index_select(1, rows))
    return last.feed_forward_chunk(attended)[0]


class Classifier(nn.Module):
    """Encoder -> last-layer [CLS] -> (pooled over fractions) -> dropout -> Linear: section 3, ``--layers 11``.

    The encoder is copied: several classifiers can start from the same one. The head's weights are drawn from ``seed``.
    """

    def __init__(self, encoder: BertModel, labels: int, recipe: Finetune, seed: int) -> None:
        super().__init__()
        self.noise = Noise()
        self.encoder = copy.deepcopy(encoder)
        install(self.encoder, self.noise, hidden=recipe.dropout, attention=recipe.attention_dropout)
        width = self.encoder.config.hidden_size
        draw = torch.Generator().manual_seed(seed)
        self.pooling = recipe.truncation
        self.attend: nn.Sequential | None = None
        if self.pooling == "hier-attention":
            self.attend = nn.Sequential(nn.Linear(width, ATTENTION_WIDTH), nn.Tanh(), nn.Linear(ATTENTION_WIDTH, 1))
        self.dropout = Dropout(recipe.dropout, self.noise)
        self.output = nn.Linear(width, labels)
        for module in self.modules():
            if isinstance(module, nn.Linear) and not _inside(module, self.encoder):
                nn.init.normal_(module.weight, std=recipe.head_init, generator=draw)
                nn.init.zeros_(module.bias)

    def forward(self, batch: Batch) -> Tensor:
        """(B, labels): logits in the order of ``batch.labels``."""
        device = self.output.weight.device
        first = encode(self.encoder, batch, torch.from_numpy(batch.starts).to(device))  # (P, D)
        documents = torch.from_numpy(batch.documents).to(device)
        order = documents.argsort(stable=True)
        pieces = torch.bincount(documents, minlength=len(batch.labels))
        real = torch.arange(int(pieces.max()), device=device) < pieces[:, None]  # (B, K)
        fractions = first.new_zeros(*real.shape, first.shape[1])
        fractions[real] = first[order]
        return self.output(self.dropout(self._pool(fractions, real[..., None])))

    def _pool(self, fractions: Tensor, real: Tensor) -> Tensor:
        """(B, K, D) and the mask (B, K, 1) of real fractions -> (B, D)."""
        if self.attend is not None:
            weights = self.attend(fractions).masked_fill(~real, float("-inf")).softmax(1)
            return (weights * fractions).sum(1)
        if self.pooling == "hier-max":
            return fractions.masked_fill(~real, float("-inf")).amax(1)
        return fractions.sum(1) / real.sum(1)  # hier-mean; a single fraction is its own mean


class Pretrainer(nn.Module):
    """BERT with its MLM and NSP heads; the MLM head is computed at the masked words only."""

    def __init__(self, model: BertForPreTraining, pretrain: Pretrain) -> None:
        super().__init__()
        self.noise = Noise()
        self.model = model
        install(model, self.noise, hidden=pretrain.dropout, attention=pretrain.attention_dropout)

    def forward(self, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """MLM logits (M, V) at the masked words and NSP logits (B, 2), where 1 is a random next."""
        device = self.model.device
        rows = torch.from_numpy(np.concatenate([batch.starts, batch.masked])).to(device)
        states = encode(self.model.bert, batch, rows)
        first, masked = states.split([len(batch.starts), len(batch.masked)])
        pooled = self.model.bert.pooler(first[:, None])
        return self.model.cls.predictions(masked), self.model.cls.seq_relationship(pooled)


def pretraining_losses(words: Tensor, follows: Tensor, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
    """MLM and NSP losses, the means over masked words and over instances (run_pretraining.py)."""
    targets, random_next = (torch.from_numpy(each).to(words.device) for each in (batch.targets, batch.random_next))
    return functional.cross_entropy(words.float(), targets), functional.cross_entropy(follows.float(), random_next)


def _load(kind: type, folder: Path, *, optional: tuple[str, ...], **arguments: bool):  # noqa: ANN202
    from transformers.utils import logging

    try:
        before = logging.get_verbosity()
        logging.set_verbosity_error()  # heads that are not asked for are no news
        model, report = kind.from_pretrained(
            folder, attn_implementation=attention.register(), output_loading_info=True, dtype=torch.float32, **arguments
        )
        logging.set_verbosity(before)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{folder}: not an encoder in Hugging Face format ({str(error).splitlines()[0]})") from error
    if model.config.model_type != "bert":
        raise UserError(f"{folder}: model type {model.config.model_type!r}; only BERT encoders can be used")
    missing = sorted(report["missing_keys"])
    lost = [name for name in missing if not name.startswith(optional)]
    if lost or report["mismatched_keys"]:
        raise UserError(f"{folder}: weights are missing or of another size, first {lost[0]}; fetch or train it again")
    model.fresh_heads = bool(missing)
    return model


def _inside(module: nn.Module, whole: nn.Module) -> bool:
    return any(module is each for each in whole.modules())
