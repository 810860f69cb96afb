"""Masked-language models of other families than BERT, by the modules of transformers: loaded, drawn, saved.

Shapes: M masked words, D width of the encoder, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForPreTraining
from transformers.utils import logging as hf_logging

from bertfit.config.encoder_schema import Shape
from bertfit.core.errors import UserError
from bertfit.encoders.families import Family
from bertfit.hugging_face.transformers_encoder import TransformersEncoder, attention_of
from bertfit.model.dropout import Noise
from bertfit.model.packed_encoder import PretrainingModel


class MaskedModel(PretrainingModel):
    """An ``AutoModelForMaskedLM``: its encoder, and the modules of its head.

    With ``detects`` an ``AutoModelForPreTraining`` of ELECTRA, whose head says whether a token was replaced: its
    logits are two for each token, of which the first is 0.
    """

    next_sentence = False

    def __init__(self, whole: Any, family: Family, *, detects: bool = False) -> None:
        super().__init__()
        self.family, self.detects = family, detects
        self.encoder: TransformersEncoder = TransformersEncoder(getattr(whole, whole.base_model_prefix), family)
        paths = (family.detector,) if detects else family.masked_words
        self.heads = nn.ModuleDict({path: whole.get_submodule(path) for path in paths})
        object.__setattr__(self, "_whole", whole)  # no submodule: its parameters are those of the others
        self.tie()

    def words(self, hidden: Tensor) -> Tensor:
        """Logits (M, V) of masked words, or (M, 2), of their states ``hidden`` (M, D)."""
        for module in self.heads.values():
            hidden = module(hidden)
        return torch.stack([torch.zeros_like(hidden), hidden], -1) if self.detects else hidden

    def is_word_head(self, name: str) -> bool:
        """Whether the parameter with this name is one of the head of masked words."""
        return name.startswith("heads.")

    def install_dropout(self, noise: Noise, *, hidden: float, attention: float) -> None:
        """Replace every dropout. The heads of these families have none."""
        depth = self.encoder.config.num_hidden_layers
        self.encoder = self.encoder.reader(depth, noise, hidden=hidden, attention=attention)
        self.tie()

    def tie(self) -> None:
        """Let the head share the word vectors of the embeddings, where the configuration says so."""
        whole: Any = self._whole
        setattr(whole, whole.base_model_prefix, self.encoder.module)
        whole.tie_weights()

    def save(self, folder: Path) -> None:
        """Write config.json and the weights, as safetensors."""
        whole: Any = self._whole
        whole.save_pretrained(folder)


def load_encoder(folder: Path, family: Family) -> tuple[TransformersEncoder, list[str]]:
    """The encoder of a folder, and the names of weights that it lacks."""
    loaded: Any = AutoModel.from_pretrained(folder, **_arguments(family), **family.without_pooler)
    module, report = loaded
    return TransformersEncoder(module.eval(), family), sorted(report["missing_keys"])


def load_masked(
    folder: Path, family: Family, seed: int, *, detects: bool = False
) -> tuple[MaskedModel, list[str], list[str]]:
    """The encoder of a folder with the head of masked words, or with that which ``detects`` replaced tokens.

    Also the names of weights of either that were drawn from ``seed``. Those of the encoder should be none.
    """
    kind = AutoModelForPreTraining if detects else AutoModelForMaskedLM
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        loaded: Any = kind.from_pretrained(folder, **_arguments(family))
    whole, report = loaded
    model = MaskedModel(whole.eval(), family, detects=detects)
    prefix = f"{whole.base_model_prefix}."
    missing = sorted(report["missing_keys"])
    heads = [f"heads.{name}" for name in missing if not name.startswith(prefix)]
    return model, heads, [name for name in missing if name.startswith(prefix)]


def scratch(shape: Shape, family: Family, vocabulary_size: int, special: Mapping[str, int], seed: int) -> MaskedModel:
    """Random weights, a function of ``seed``; ``special`` are ids of tokens by name (pad, cls, sep, mask, unk).

    Raises `UserError` if the vocabulary has its padding where the family cannot have it.
    """
    if family.padding not in (None, special["pad"]):
        raise UserError(
            f"{family.title} takes token {family.padding} for padding, and the vocabulary has it at {special['pad']}; "
            "take another family, or a vocabulary of its own"
        )
    sizes = {
        "vocab_size": vocabulary_size,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": shape.positions + family.offset({"pad_token_id": special["pad"]}),
    }
    tokens = {
        "pad_token_id": special["pad"],
        "bos_token_id": special["cls"],
        "eos_token_id": special["sep"],
        "cls_token_id": special["cls"],
        "sep_token_id": special["sep"],
        "mask_token_id": special["mask"],
    }
    values = sizes | {"initializer_range": shape.initializer_range} | dict(family.scratch)
    config = AutoConfig.for_model(
        family.model_type, **{family.keys.get(key, key): value for key, value in values.items()}, **tokens
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        whole = AutoModelForMaskedLM.from_config(config, attn_implementation=attention_of(family))
    return MaskedModel(whole, family).train()


def _arguments(family: Family) -> dict[str, Any]:
    hf_logging.set_verbosity_error()  # suppress warnings about unused heads
    hf_logging.disable_progress_bar()
    return {
        "dtype": torch.float32,
        "local_files_only": True,
        "use_safetensors": True,
        "output_loading_info": True,
        "attn_implementation": attention_of(family),
    }
