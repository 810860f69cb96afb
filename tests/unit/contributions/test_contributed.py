"""What a manifest may say of contributors: an archive may come from anyone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bertfit.contributions.contributed import Contributed

MACHINE = {"device": "GPU", "system": "Linux", "versions": {"torch": "2"}, "jobs": {"runs/a/b/c/seeds1-2": 1.5}}
RUN = {
    "run": "a/b/c", "seed": 1, "kept": "A", "other": "B", "devices": ["x", "y"], "errors": [1.0, 2.0], "examples": 10,
    "changed": 1, "logits": None,
}  # fmt: skip


def test_read_back() -> None:
    value = {"by": [{"contributor": "Group A", "machines": [MACHINE]}], "runs": [RUN], "encoders": [], "files": []}
    assert Contributed.model_validate(value).model_dump(mode="json") == value


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb", "a\x1b[31m", "\u202eabc", "\u2028"])
def test_names_are_one_printable_line(name: str) -> None:
    for value in ({"by": [{"contributor": name, "machines": []}]}, {"by": [], "runs": [RUN | {"other": name}]}):
        with pytest.raises(ValidationError, match="a contributor has a name of at most 80 characters on one line"):
            Contributed.model_validate(value)


def test_devices_are_short() -> None:
    with pytest.raises(ValidationError, match="at most 200 characters"):
        Contributed.model_validate({"by": [{"contributor": "A", "machines": [MACHINE | {"device": "x" * 201}]}]})
