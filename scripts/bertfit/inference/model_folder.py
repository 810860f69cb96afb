"""What the folder of an exported classifier says of it: its kind, classes, truncation, and ``bertfit.json``.

Imports neither torch nor transformers, so that a program that classifies by ONNX starts quickly. C: classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bertfit.config.corpus_schema import Replacement
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.core.pydantic_errors import from_json

SETTINGS = "bertfit.json"
CONFIG = "config.json"
WORD_COUNTS = "word_counts.json"
TRUNCATION_KEYS = ("truncation", "head_tokens", "max_length")
"""keys of a recipe that config.json holds under ``bertfit``"""
MULTI_LABEL = "multi_label_classification"
"""``problem_type`` in config.json of a classifier that may give a text several labels"""
THRESHOLD = 0.5
ONNX = {"onnx": Path("onnx", "model.onnx"), "onnx8": Path("onnx", "model_int8.onnx")}
"""runtime -> its file in the folder"""

Kind = Literal["transformers", "word_counts"]


class FolderSettings(BaseModel):
    """``bertfit.json``: what neither transformers nor the word counts have a place for."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str | int | None = None
    """column of the texts in training; its position from 0 where the file has no header"""
    study: str = ""
    clean: list[Replacement] = []
    """replacements in texts, as in training"""
    thresholds: list[float] | None = None
    """several labels a text: the probability of each class from which it is answered (C); default: `THRESHOLD`"""
    temperature: float = 1.0
    """of word counts: their weights are divided by it; config.json records that of an encoder's head"""
    memorisable: bool | None = None
    """whether private texts could be read out of the model; None in folders written before this was recorded"""
    memorisable_because: str = ""


@dataclass(frozen=True)
class ModelFolder:
    """A folder with an exported classifier."""

    path: Path
    kind: Kind
    settings: FolderSettings
    config: dict[str, Any]
    """the content of config.json, or of word_counts.json"""

    @classmethod
    def open(cls, path: Path) -> ModelFolder:
        """Read the descriptions in a folder, no weights. Raises `UserError` where it is not of this project."""
        config = path / CONFIG
        settings = _settings(path / SETTINGS)
        if (path / WORD_COUNTS).is_file():
            return cls(path, "word_counts", settings, files.read_json(path / WORD_COUNTS))
        if not config.is_file():
            raise UserError(f"{path}: no model in it ({CONFIG} or {WORD_COUNTS}); give results/<study>/model")
        facts = files.read_json(config)
        if "bertfit" not in facts or "id2label" not in facts:
            raise UserError(
                f"{config}: bertfit did not write this model (`save_model: true`); give results/<study>/model"
            )
        return cls(path, "transformers", settings, facts)

    @property
    def names(self) -> list[str]:
        """The class names (C), in the order of the logits."""
        if self.kind == "word_counts":
            return self.config["label_names"]
        names = self.config["id2label"]
        return [names[str(number)] for number in range(len(names))]

    @property
    def recipe(self) -> Finetune:
        """The truncation of the training, as a recipe; of a transformers folder."""
        written = self.config["bertfit"]
        return Finetune.model_validate({key: written[key] for key in TRUNCATION_KEYS if key in written})

    @property
    def several_labels(self) -> bool:
        """Whether a text may have several labels, or none."""
        declared = self.config.get("several_labels") or self.config.get("problem_type") == MULTI_LABEL
        return bool(declared) or self.settings.thresholds is not None


def _settings(path: Path) -> FolderSettings:
    if not path.is_file():
        return FolderSettings()
    try:
        return from_json(FolderSettings, files.read_json(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}); export the model again") from error
