"""The one YAML loader: plain data, with the line each key stands on.

YAML 1.2 through ruamel.yaml: `2e-5` is a number, `no` is a string, a duplicate key or a tab is an error. Nothing in a
file can run code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from .errors import UserError

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """The content of one YAML file as plain dicts and lists, and where each key stands."""

    path: Path
    value: dict[str, Any]
    lines: dict[Keys, tuple[Path, int]] = field(repr=False)

    def where(self, keys: Sequence[str | int]) -> str:
        """``file:line`` of a key, or of its nearest parent that stands in a file."""
        at: Keys = tuple(keys)
        while at and at not in self.lines:
            at = at[:-1]
        path, line = self.lines.get(at, (self.path, 1))
        return f"{path}:{line}"

    def extended_by(self, child: Document, keep_nulls: tuple[str, ...] = ()) -> Document:
        """``child`` laid over this one: maps merge key by key, anything else replaces, null drops the key.

        Below the top-level keys ``keep_nulls`` a null stays a null, for a later merge to drop.
        """
        merged = _merge(self.value, child.value)
        for key in keep_nulls:
            if key in self.value and key in child.value:
                merged[key] = _merge(self.value[key], child.value[key], keep=True)
        return Document(child.path, merged, {**self.lines, **child.lines})


def load(path: str | Path) -> Document:
    """Read one file. Raises `UserError` with file and line for anything that is not plain YAML with a map on top."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the name and the permissions") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or error).split("\n")[0]
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from error
    if not isinstance(tree, Mapping):
        raise UserError(f"{path}:1: expected `key: value` lines on the top level")
    lines: dict[Keys, tuple[Path, int]] = {}
    return Document(path, _plain(tree, (), path, lines), lines)


def _plain(node: Any, keys: Keys, path: Path, lines: dict[Keys, tuple[Path, int]]) -> Any:
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag:
        raise UserError(f"{path}: {'.'.join(map(str, keys))} has the tag {tag}; only plain text, numbers, lists, maps")
    if isinstance(node, Mapping):
        for key in node:
            if isinstance(node, CommentedMap) and key in (node.lc.data or {}):
                lines[(*keys, str(key))] = (path, node.lc.data[key][0] + 1)
        return {str(key): _plain(value, (*keys, str(key)), path, lines) for key, value in node.items()}
    if isinstance(node, list):
        for index in range(len(node)):
            if isinstance(node, CommentedSeq) and index in (node.lc.data or {}):
                lines[(*keys, index)] = (path, node.lc.data[index][0] + 1)
        return [_plain(value, (*keys, index), path, lines) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):  # ruamel's round-trip scalars are subclasses
        if isinstance(node, kind):
            return kind(node)
    if node is None:
        return None
    raise UserError(f"{path}: {'.'.join(map(str, keys))} is a {type(node).__name__}; only text, numbers, lists, maps")


def _merge(base: dict[str, Any], over: dict[str, Any], keep: bool = False) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if value is None and not keep:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value, keep)
        else:
            merged[key] = value
    return merged
