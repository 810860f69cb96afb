"""Encoder folders in Hugging Face format: loading, random initialisation, writing."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bertfit.config.study_schema import Shape
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model import packed_attention

if TYPE_CHECKING:  # takes seconds to import: left to the functions that need it
    from transformers import BertForPreTraining, BertModel

log = logging.getLogger(__name__)

TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")


def load_encoder(folder: Path, *, pooler: bool = False) -> BertModel:
    """The encoder of a folder, with packed attention, with its pooler only if requested.

    Raises `UserError` if the folder is not a complete BERT, or if the requested pooler was never trained.
    """
    from transformers.models.bert.modeling_bert import BertModel

    model, missing = _load(BertModel, folder, optional=("pooler.",) if pooler else (), add_pooling_layer=pooler)
    if pooler and any("pooler." in name for name in (*missing, *newly_initialised(folder))):
        raise UserError(f"{folder}: the checkpoint has no pooler weights; leave out `pooler` of the recipe")
    return model


def load_pretraining(folder: Path, seed: int) -> tuple[BertForPreTraining, list[str]]:
    """The encoder of a folder with MLM and NSP heads, and the names of newly initialised head weights.

    These are a function of ``seed``. Raises `UserError` if the folder is not a complete BERT.
    """
    from transformers.models.bert.modeling_bert import BertForPreTraining

    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        return _load(BertForPreTraining, folder, optional=("cls.", "bert.pooler."))


def newly_initialised(folder: Path) -> list[str]:
    """Names of head weights in an encoder folder that were initialised and never trained, from its run.json."""
    record = folder / "run.json"
    return files.read_json(record).get("newly_initialised", []) if record.is_file() else []


def warn(newly_initialised: list[str], seed: int) -> None:
    """Log which head weights the checkpoint does not contain."""
    if newly_initialised:
        names = ", ".join(newly_initialised)
        log.warning("the checkpoint has no weights for some heads, newly initialised from seed %d: %s", seed, names)


def scratch(shape: Shape, vocabulary_size: int, seed: int) -> BertForPreTraining:
    """A randomly initialised BERT, a function of ``seed``; ``vocabulary_size`` in word pieces."""
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertForPreTraining

    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.positions,
        initializer_range=shape.initializer_range,
        attn_implementation=packed_attention.register(),  # type: ignore[call-arg]
    )
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        return BertForPreTraining(config)


def save(model: BertForPreTraining, tokenizer: Path, out: Path, others: dict[str, str]) -> None:
    """Write an encoder folder atomically: configuration, weights, tokenizer files, and ``others`` (name -> text)."""
    with files.atomic(out) as folder:
        model.save_pretrained(folder)
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        for name, text in others.items():
            (folder / name).write_text(text, encoding="utf-8")


def _load(kind: type, folder: Path, *, optional: tuple[str, ...], **arguments: Any) -> tuple[Any, list[str]]:
    """A model and the names of its missing weights, all with a prefix in ``optional``; otherwise raises `UserError`."""
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()  # suppress warnings about unused heads
    hf_logging.disable_progress_bar()
    try:
        model, report = kind.from_pretrained(  # type: ignore[attr-defined]
            folder,
            attn_implementation=packed_attention.register(),
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **arguments,
        )
    except Exception as error:
        raise UserError(
            f"{folder}: cannot be loaded as a BERT encoder ({str(error).splitlines()[0]}); delete it, or correct its "
            "source in the study"
        ) from error
    missing = sorted(report["missing_keys"])
    required = [name for name in missing if not name.startswith(optional)] if optional else missing
    if required:
        raise UserError(f"{folder}: {len(required)} weights are missing, first {required[0]}; is it a BERT encoder?")
    return model, missing
