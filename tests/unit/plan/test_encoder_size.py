"""Size of an encoder: from its folder, or assumed from its name and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
