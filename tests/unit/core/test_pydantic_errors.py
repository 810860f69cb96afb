"""One line for what pydantic finds, with the nearest known name."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bertfit.core.pydantic_errors import from_json


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    width: int = Field(gt=0)
    colour: str = "green"


class Tree(BaseModel):
    leaves: dict[str, list[Leaf]] = {}


def test_json_that_does_not_fit_is_one_line() -> None:
    assert from_json(Leaf, {"width": 1}) == Leaf(width=1)
    with pytest.raises(ValueError, match=r"^width = -1: Input should be greater than 0$"):
        from_json(Leaf, {"width": -1})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"colour": "red"}, "width is missing"),
        ({"width": 1, "color": "red"}, "unknown key 'color' (color); did you mean 'colour'?"),
        ([], "Leaf = []: Input should be a valid dictionary or instance of Leaf"),
    ],
)
def test_the_key_is_named(value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        from_json(Leaf, value)
    assert str(caught.value) == message


def test_a_name_deep_inside_is_the_nearest_there() -> None:
    with pytest.raises(ValueError, match=r"unknown key 'widht' \(leaves.a.0.widht\); did you mean 'width'\?"):
        from_json(Tree, {"leaves": {"a": [{"width": 1, "widht": 2}]}})
