"""Encoder folders in Hugging Face format: loading, random initialisation, writing.

transformers, which takes seconds to import, is left to what happens once in a study: it draws random weights and reads
checkpoints from elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bertfit.config.encoder_schema import Shape
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.encoders import encoder_folder, families
from bertfit.encoders.encoder_folder import WEIGHTS
from bertfit.encoders.families import Family
from bertfit.model.bert import Bert, BertConfig
from bertfit.model.bert_heads import PretrainingBert
from bertfit.model.packed_encoder import PackedEncoder, PretrainingModel

log = logging.getLogger(__name__)

TIED = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
"""Weights that are those of others, and not in the file (`bert.PretrainingBert.tie`)."""
TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")


def load_encoder(folder: Path, *, pooler: bool = False) -> PackedEncoder:
    """The encoder of a folder, with its pooler only if requested.

    Raises `UserError` if the folder is no complete encoder of a family, or if the requested pooler was never trained.
    """
    family, config = _family(folder)
    if family is not families.BERT:
        return _load_other(folder, family, pooler)
    weights = {
        name.removeprefix("bert."): weight for name, weight in _weights(folder).items() if not name.startswith("cls.")
    }
    with torch.device("meta"):
        model = Bert(_bert_config(folder, config), pooler=pooler)
    missing = _fill(model, weights, folder)
    if pooler and any("pooler." in name for name in (*missing, *newly_initialised(folder))):
        raise UserError(f"{folder}: the checkpoint has no pooler weights; leave out `pooler` of the recipe")
    _require(missing, folder)
    return model.eval()


def load_pretraining(folder: Path, seed: int, *, detects: bool | None = None) -> tuple[PretrainingModel, list[str]]:
    """The encoder of a folder with the heads of its pre-training, and the names of newly initialised head weights.

    These are a function of ``seed``. ``detects``: with the head that detects replaced tokens, of families that have
    one; by default where the folder has it. Raises `UserError` if the folder is not a complete encoder of a family.
    """
    family, config = _family(folder)
    if family is not families.BERT:
        return import_pretraining(folder, seed, detects=detects)
    weights = _weights(folder)
    with torch.device("meta"):
        model = PretrainingBert(_bert_config(folder, config))
    if _fill(model, weights, folder) - (TIED if model.config.tie_word_embeddings else set()):
        return import_pretraining(folder, seed)
    model.tie()
    return model.eval(), []


def import_pretraining(folder: Path, seed: int, *, detects: bool | None = None) -> tuple[PretrainingModel, list[str]]:
    """As `load_pretraining`, by transformers, which knows older names of weights and draws new heads."""
    family, config = _family(folder)
    if detects is None:
        detects = bool(family.detector) and "ForPreTraining" in str(config.get("architectures"))
    model: PretrainingModel
    try:
        if family is families.BERT:
            model, heads, missing = _import_bert(folder, seed)
        else:
            from bertfit.hugging_face import transformers_masked

            model, heads, missing = transformers_masked.load_masked(folder, family, seed, detects=detects)
    except Exception as error:
        raise _unreadable(folder, error) from error
    _require(missing, folder)
    return model.eval(), heads


def load_generator(folder: Path, seed: int, device: torch.device) -> PretrainingModel:
    """The encoder of a folder with its head of masked words, fixed, on a device.

    Raises `UserError` if it has none, or one that was newly initialised and never trained.
    """
    model, new = load_pretraining(folder, seed, detects=False)
    if any(map(model.is_word_head, [*new, *newly_initialised(folder)])):
        raise UserError(
            f"{folder}: it came without a head of masked words, which the `generator` of another encoder needs; name "
            "one that has it"
        )
    return model.eval().requires_grad_(False).to(device)


def newly_initialised(folder: Path) -> list[str]:
    """Names of head weights in an encoder folder that were initialised and never trained, from its run.json."""
    record = folder / "run.json"
    return files.read_json(record).get("newly_initialised", []) if record.is_file() else []


def warn(newly_initialised: list[str], seed: int) -> None:
    """Log which head weights the checkpoint does not contain."""
    if newly_initialised:
        names = ", ".join(newly_initialised)
        log.warning("the checkpoint has no weights for some heads, newly initialised from seed %d: %s", seed, names)


def scratch(
    shape: Shape, vocabulary_size: int, seed: int, special: Mapping[str, int] | None = None
) -> PretrainingModel:
    """A randomly initialised encoder, a function of ``seed``; ``vocabulary_size`` in word pieces.

    ``special``: ids of special tokens, as `special_tokens.ids` gives them, for families other than BERT.
    """
    if shape.family != families.BERT.model_type:
        from bertfit.hugging_face import transformers_masked

        assert special is not None
        family = families.FAMILIES[shape.family]
        return transformers_masked.scratch(shape, family, vocabulary_size, special, seed)
    from transformers.models.bert.configuration_bert import BertConfig as Config
    from transformers.models.bert.modeling_bert import BertForPreTraining

    config = Config.from_dict(BertConfig.of(shape, vocabulary_size).to_dict())
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        return _converted(BertForPreTraining(config)).train()


def save(model: PretrainingModel, tokenizer: Path, out: Path, others: dict[str, str]) -> None:
    """Write an encoder folder atomically: configuration, weights, tokenizer files, and ``others`` (name -> text)."""
    with files.atomic(out) as folder:
        folder.mkdir()
        model.save(folder)
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        for name, text in others.items():
            (folder / name).write_text(text, encoding="utf-8")


def place(saved: Path, folder: Path, texts: dict[str, str]) -> None:
    """Make ``folder`` from ``saved`` and ``texts``; ``saved`` stays, as Snakemake deletes outputs of a killed job."""
    if not saved.is_dir():
        raise UserError(f"{saved} is missing; delete {saved.parent} and run again")
    with files.atomic(folder) as temporary:
        shutil.copytree(saved, temporary, copy_function=_link)
        for name, text in texts.items():
            (temporary / name).write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------------ parts


def _family(folder: Path) -> tuple[Family, dict[str, Any]]:
    config = encoder_folder.read_config(folder)
    family = families.of(config)
    assert family is not None, "read_config refuses others"
    return family, config


def _bert_config(folder: Path, config: Mapping[str, Any]) -> BertConfig:
    try:
        return BertConfig(config)
    except ValueError as error:
        raise _unreadable(folder, error) from error


def _weights(folder: Path) -> dict[str, Tensor]:
    try:
        return load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise _unreadable(folder, error) from error


def _load_other(folder: Path, family: Family, pooler: bool) -> PackedEncoder:
    if pooler:
        raise UserError(f"{folder}: no pooler of {family.title} was trained; leave out `pooler` of the recipe")
    from bertfit.hugging_face import transformers_masked

    try:
        encoder, missing = transformers_masked.load_encoder(folder, family)
    except Exception as error:
        raise _unreadable(folder, error) from error
    _require(missing, folder)
    return encoder


def _import_bert(folder: Path, seed: int) -> tuple[PretrainingBert, list[str], list[str]]:
    """The model, and the names of weights that the folder lacks: those of heads and pooler, and others."""
    from transformers.models.bert.modeling_bert import BertForPreTraining
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()  # suppress warnings about unused heads
    hf_logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        loaded: Any = BertForPreTraining.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    model, report = loaded
    missing = sorted(report["missing_keys"])
    others = [name for name in missing if not name.startswith(("cls.", "bert.pooler."))]
    return _converted(model), missing, others


def _fill(model: nn.Module, weights: dict[str, Tensor], folder: Path) -> set[str]:
    """Give a model on the meta device its weights, in float32; returns the names of those that are missing."""
    own = {name: weight.float().clone() for name, weight in weights.items()}
    try:
        return set(model.load_state_dict(own, strict=False, assign=True).missing_keys)
    except RuntimeError as error:  # other shapes than those of the configuration
        raise _unreadable(folder, error) from error


def _converted(model: Any) -> PretrainingBert:
    """A copy of a `transformers.BertForPreTraining`."""
    with torch.device("meta"):
        own = PretrainingBert(BertConfig(json.loads(model.config.to_json_string())))
    own.load_state_dict(model.state_dict(), assign=True)
    own.tie()
    return own


def _unreadable(folder: Path, error: Exception) -> UserError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return UserError(
        f"{folder}: cannot be loaded as an encoder ({reason}); delete it, or correct its source in the study"
    )


def _require(missing: Iterable[str], folder: Path) -> None:
    if names := sorted(missing):
        raise UserError(f"{folder}: {len(names)} weights are missing, first {names[0]}; is it a complete encoder?")


def _link(source: str, target: str) -> None:
    """Hard-link a file, or copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
