"""Errors of a validated document: file, line and the nearest name, also deep inside maps and lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bertfit.config.validation import validate
from bertfit.core import yaml_loader
from bertfit.core.errors import UserError


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    width: int = Field(gt=0)
    colour: str = "green"


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")

    height: float
    leaves: dict[str, list[Leaf]] = {}


def read(folder: Path, text: str, *keys: str) -> Tree:
    (folder / "t.yaml").write_text(text)
    return validate(Tree, yaml_loader.load(folder / "t.yaml"), keys)


def test_a_part_of_a_document(tmp_path: Path) -> None:
    tree = read(tmp_path, "trees:\n  oak: {height: 2, leaves: {low: [{width: 3}]}}\n", "trees", "oak")
    assert tree == Tree(height=2.0, leaves={"low": [Leaf(width=3)]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("height: 1\nhieght: 2\n", "t.yaml:2: unknown key 'hieght' (hieght); did you mean 'height'?"),
        ("leaves: {}\n", "height is missing"),
        ("height: tall\n", "t.yaml:1: height = 'tall': "),
        ("height: 1\nleaves:\n  low:\n    - width: 3\n    - width: 0\n", "t.yaml:5: leaves.low.1.width = 0: "),
        (
            "height: 1\nleaves:\n  low:\n    - width: 3\n      color: red\n",
            "t.yaml:5: unknown key 'color' (leaves.low.0.color); did you mean 'colour'?",
        ),
        ("hieght: 1\n", "t.yaml:1: unknown key 'hieght' (hieght); did you mean 'height'?"),
    ],
)
def test_errors_name_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_a_misspelt_key_is_told_before_what_it_leaves_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown key 'hieght'"):
        read(tmp_path, "hieght: 1\nleaves: 3\n")
