"""What a folder says of its model, and folders that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.config.corpus_schema import Replacement
from bertfit.core.errors import UserError
from bertfit.inference.model_folder import FolderSettings, ModelFolder

CONFIG = {
    "id2label": {"0": "no", "1": "yes"},
    "problem_type": "single_label_classification",
    "bertfit": {"truncation": "tail", "head_tokens": 3, "max_length": 24, "temperature": 1.5},
}


def folder(path: Path, config: dict[str, object] | None = None, settings: object = None) -> Path:
    (path / "config.json").write_text(json.dumps(CONFIG | (config or {})))
    if settings is not None:
        (path / "bertfit.json").write_text(json.dumps(settings))
    return path


def test_the_description_of_a_folder(tmp_path: Path) -> None:
    found = ModelFolder.open(folder(tmp_path))
    assert (found.kind, found.names, found.several_labels) == ("transformers", ["no", "yes"], False)
    assert (found.recipe.truncation, found.recipe.head_tokens, found.recipe.max_length) == ("tail", 3, 24)
    assert found.settings == FolderSettings(), "a folder of a run has no bertfit.json"


def test_settings(tmp_path: Path) -> None:
    written = {"text": "t", "study": "s", "clean": [{"replace": "<[^>]+>", "by": " "}], "of_a_later_version": 1}
    settings = ModelFolder.open(folder(tmp_path, settings=written)).settings
    assert (settings.text, settings.study, settings.thresholds, settings.memorisable) == ("t", "s", None, None)
    assert settings.clean == [Replacement(replace="<[^>]+>", by=" ")]


def test_several_labels(tmp_path: Path) -> None:
    assert ModelFolder.open(folder(tmp_path, {"problem_type": "multi_label_classification"})).several_labels
    assert ModelFolder.open(folder(tmp_path, settings={"thresholds": [0.3, 0.6]})).several_labels


def test_word_counts(tmp_path: Path) -> None:
    (tmp_path / "word_counts.json").write_text(json.dumps({"label_names": ["a"]}))
    assert ModelFolder.open(tmp_path).names == ["a"]


def test_folders_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model in it"):
        ModelFolder.open(tmp_path)
    (tmp_path / "config.json").write_text('{"id2label": {}}')
    with pytest.raises(UserError, match="bertfit did not write this model"):
        ModelFolder.open(tmp_path)
    with pytest.raises(UserError, match=r"bertfit.json: damaged \(thresholds"):
        ModelFolder.open(folder(tmp_path, settings={"thresholds": "high"}))
