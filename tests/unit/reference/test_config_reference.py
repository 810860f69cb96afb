"""The generated reference: every model is in it, files are as generated, types are words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.reference import config_reference, config_schema
from conftest import ROOT


def test_every_model_is_in_the_page() -> None:
    models = {name for name in config_schema.definitions() if not name.endswith(config_schema.DIFFERENCES)}
    assert models == set(config_reference.TITLES)


@pytest.mark.parametrize("path", config_reference.generated(ROOT / "docs"), ids=lambda path: path.name)
def test_committed_files_are_as_generated(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == config_reference.generated(ROOT / "docs")[path], "run `make reference`"


def test_types_are_words() -> None:
    page = config_reference.markdown()
    assert "| `lr` | number > 0 | `2e-05` |" in page
    assert "| `label` | text or integer | `label` |" in page
    assert "| `rows` | map of [Row](#row) | `{}` |" in page
    assert "| `layers` | text | `last` | layers read:" in page and "| section 5.3.2 |" in page
    assert "| `title` | text | required |" in page


def test_a_page_without_marks_is_told() -> None:
    with pytest.raises(ValueError, match="no marks"):
        config_reference._between("text", "switches", "table")
