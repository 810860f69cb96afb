"""YAML with the file and line of every key; errors name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core import yaml_loader
from bertfit.core.errors import UserError


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_texts_and_lines(tmp_path: Path) -> None:
    document = yaml_loader.load(write(tmp_path, "a: 2e-5\nb:\n  c: [1, no]\n  d: 'x'\n"))
    assert document.value == {"a": 2e-5, "b": {"c": [1, "no"], "d": "x"}}
    assert isinstance(document.value["a"], float)
    assert document.where(("b", "d")) == f"{tmp_path}/config.yaml:4"
    assert document.where(("b", "c", 1)) == f"{tmp_path}/config.yaml:3"
    assert document.where(("b", "absent")) == f"{tmp_path}/config.yaml:2", "an absent key points to its parent"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: 2\na: 3\n", 3), ("a:\n\tb: 1\n", 2), ("a: [1, 2\nb: 3\n", 2), ("- 1\n- 2\n", 1), ("a: *b\n", 1)],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(UserError, match=rf"config\.yaml:{line}"):
        yaml_loader.load(write(tmp_path, text))


def test_code_is_never_run(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        yaml_loader.load(write(tmp_path, "a: !!python/object/apply:os.system ['touch pwned']\n"))
    assert not Path("pwned").exists()


def test_extension_merges_and_drops(tmp_path: Path) -> None:
    base = yaml_loader.load(write(tmp_path, "a: {b: 1, c: 2}\nd: 3\n"))
    other = tmp_path / "child.yaml"
    other.write_text("a:\n  c: 5\nd: null\n")
    merged = base.extended_by(yaml_loader.load(other))
    assert merged.value == {"a": {"b": 1, "c": 5}}
    assert merged.where(("a", "b")).endswith("config.yaml:1")
    assert merged.where(("a", "c")).endswith("child.yaml:2")


def test_not_utf8_and_absent(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(UserError, match=r"x\.yaml"):
        yaml_loader.load(path)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(UserError, match="UTF-8"):
        yaml_loader.load(path)
