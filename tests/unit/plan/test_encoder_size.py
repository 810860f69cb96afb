"""Size of an encoder: from its folder, or assumed from its name and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bertfit.experiments.summary_specs import PlannedEncoder
from bertfit.plan import encoder_size
from bertfit.plan.flops import Size


def test_sizes_of_encoders(tmp_path: Path) -> None:
    notes: list[str] = []

    def size(**given: Any) -> Size:
        nothing = dict.fromkeys(("shape", "hub", "folder", "package", "vocabulary"))
        encoder = PlannedEncoder.model_validate({**nothing, "config": "none", **given})
        return encoder_size.of(encoder, "x", notes.append)

    assert size(hub="google-bert/bert-large-uncased", layers=24).hidden == 1024
    assert size(package="cognition", layers=2) == Size(2, 128, 512, 30522)
    assert not notes
    config = {"num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 9, "vocab_size": 10}
    (tmp_path / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 11}))
    assert size(folder=str(tmp_path), layers=3) == Size(3, 8, 9, 10, 11)
    assert size(hub="some/one", layers=12) == Size(12, 768, 3072, 30522)
    assert "hidden size 768 assumed" in notes[0]


def test_other_config_files_of_a_package_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a package of sentence embeddings, which has one for its pooling in a folder that comes first."""
    values = {"num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 9, "vocab_size": 10}
    for folder, content in (("1_Pooling", {"word_embedding_dimension": 8}), ("encoder", values)):
        (tmp_path / "made_encoder" / folder).mkdir(parents=True)
        path = tmp_path / "made_encoder" / folder / "config.json"
        path.write_text(json.dumps(content | {"max_position_embeddings": 11}))
    (tmp_path / "made_encoder/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    nothing = dict.fromkeys(("shape", "hub", "folder", "vocabulary"))
    encoder = PlannedEncoder.model_validate({**nothing, "config": "none", "package": "made_encoder", "layers": 3})
    assert encoder_size.of(encoder, "x", lambda note: None) == Size(3, 8, 9, 10, 11)
