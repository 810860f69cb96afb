"""Encoder folders in Hugging Face format: loading, random initialisation, writing.

transformers, which takes seconds to import, is left to what happens once in a study: it draws random weights and reads
checkpoints from elsewhere.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bertfit.config.study_schema import Shape
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.model.bert import Bert, BertConfig, PretrainingBert

log = logging.getLogger(__name__)

WEIGHTS = "model.safetensors"
TIED = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
"""Weights that are those of others, and not in the file (`bert.PretrainingBert.tie`)."""
TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")


def load_encoder(folder: Path, *, pooler: bool = False) -> Bert:
    """The encoder of a folder, with its pooler only if requested.

    Raises `UserError` if the folder is not a complete BERT, or if the requested pooler was never trained.
    """
    config, weights = _read(folder)
    weights = {name.removeprefix("bert."): weight for name, weight in weights.items() if not name.startswith("cls.")}
    with torch.device("meta"):
        model = Bert(config, pooler=pooler)
    missing = _fill(model, weights, folder)
    if pooler and any("pooler." in name for name in (*missing, *newly_initialised(folder))):
        raise UserError(f"{folder}: the checkpoint has no pooler weights; leave out `pooler` of the recipe")
    _require(missing, folder)
    return model.eval()


def load_pretraining(folder: Path, seed: int) -> tuple[PretrainingBert, list[str]]:
    """The encoder of a folder with MLM and NSP heads, and the names of newly initialised head weights.

    These are a function of ``seed``. Raises `UserError` if the folder is not a complete BERT.
    """
    config, weights = _read(folder)
    with torch.device("meta"):
        model = PretrainingBert(config)
    if _fill(model, weights, folder) - (TIED if config.tie_word_embeddings else set()):
        return import_pretraining(folder, seed)
    model.tie()
    return model.eval(), []


def import_pretraining(folder: Path, seed: int) -> tuple[PretrainingBert, list[str]]:
    """As `load_pretraining`, by transformers, which knows older names of weights and draws new heads."""
    from transformers.models.bert.modeling_bert import BertForPreTraining
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()  # suppress warnings about unused heads
    hf_logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
            torch.manual_seed(seed)
            loaded: Any = BertForPreTraining.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        model, report = loaded
        converted = _converted(model)
    except Exception as error:
        raise _unreadable(folder, error) from error
    missing = sorted(report["missing_keys"])
    _require([name for name in missing if not name.startswith(("cls.", "bert.pooler."))], folder)
    return converted.eval(), missing


def newly_initialised(folder: Path) -> list[str]:
    """Names of head weights in an encoder folder that were initialised and never trained, from its run.json."""
    record = folder / "run.json"
    return files.read_json(record).get("newly_initialised", []) if record.is_file() else []


def warn(newly_initialised: list[str], seed: int) -> None:
    """Log which head weights the checkpoint does not contain."""
    if newly_initialised:
        names = ", ".join(newly_initialised)
        log.warning("the checkpoint has no weights for some heads, newly initialised from seed %d: %s", seed, names)


def scratch(shape: Shape, vocabulary_size: int, seed: int) -> PretrainingBert:
    """A randomly initialised BERT, a function of ``seed``; ``vocabulary_size`` in word pieces."""
    from transformers.models.bert.configuration_bert import BertConfig as Config
    from transformers.models.bert.modeling_bert import BertForPreTraining

    config = Config.from_dict(BertConfig.of(shape, vocabulary_size).to_dict())
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU; CUDA is not initialised
        torch.manual_seed(seed)
        return _converted(BertForPreTraining(config)).train()


def save(model: PretrainingBert, tokenizer: Path, out: Path, others: dict[str, str]) -> None:
    """Write an encoder folder atomically: configuration, weights, tokenizer files, and ``others`` (name -> text)."""
    config = model.config.to_dict() | {"architectures": ["BertForPreTraining"], "dtype": "float32"}
    weights = dict(model.named_parameters())  # without those that are tied
    with files.atomic(out) as folder:
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        save_file({name: weight.detach() for name, weight in weights.items()}, folder / WEIGHTS, {"format": "pt"})
        for name in TOKENIZER:
            shutil.copyfile(tokenizer / name, folder / name)
        for name, text in others.items():
            (folder / name).write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------------ parts


def _read(folder: Path) -> tuple[BertConfig, dict[str, Tensor]]:
    try:
        return BertConfig(files.read_json(folder / "config.json")), load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise _unreadable(folder, error) from error


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
        f"{folder}: cannot be loaded as a BERT encoder ({reason}); delete it, or correct its source in the study"
    )


def _require(missing: Iterable[str], folder: Path) -> None:
    if names := sorted(missing):
        raise UserError(f"{folder}: {len(names)} weights are missing, first {names[0]}; is it a BERT encoder?")
