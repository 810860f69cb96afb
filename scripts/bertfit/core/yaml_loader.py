"""The YAML loader of the package: plain data, with the line of each key.

YAML 1.2 through ruamel.yaml: `2e-5` is a number, `no` is a string, a duplicate key or a tab is an error. No file can
run code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode
from ruamel.yaml.reader import ReaderError

from bertfit.core.errors import UserError

Keys = tuple[str | int, ...]
MAX_VALUES = 100_000  # in a file; the longest study has some hundreds


@dataclass(frozen=True)
class Document:
    """The content of a YAML file as plain dicts and lists, and the line of each key."""

    path: Path
    value: dict[str, Any]
    lines: dict[Keys, tuple[Path, int]] = field(repr=False)

    def where(self, keys: Sequence[str | int]) -> str:
        """``file:line`` of a key, or of its nearest parent with a known line."""
        known: Keys = tuple(keys)
        while known and known not in self.lines:
            known = known[:-1]
        path, line = self.lines.get(known, (self.path, 1))
        return f"{path}:{line}"

    def extended_by(self, child: Document, keep_nulls: tuple[str, ...] = ()) -> Document:
        """This document updated with ``child``: maps merge recursively, other values replace, null removes the key.

        Below the top-level keys ``keep_nulls`` nulls are kept, so that a later merge can apply them.
        """
        merged = _merge(self.value, child.value)
        for key in keep_nulls:
            if key in self.value and key in child.value:
                merged[key] = _merge(self.value[key], child.value[key], keep=True)
        return Document(child.path, merged, {**self.lines, **child.lines})


def load(path: str | Path) -> Document:
    """Read a file. Raises `UserError` with file and line for anything but plain YAML with a map at the top level."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the name and the permissions") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        if "&" in text and "*" in text:
            _count_values(YAML(typ="rt", pure=True).compose(text), path, {})
        tree = YAML(typ="rt", pure=True).load(text)
    except RecursionError as error:
        raise UserError(f"{path}: nested too deeply; a study has a few levels") from error
    except (YAMLError, ValueError) as error:  # ValueError: a number with more digits than Python accepts
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        if isinstance(error, ReaderError):
            line = f":{text.count(chr(10), 0, error.position) + 1}"
        problem = str(getattr(error, "problem", None) or error).split("\n")[0]
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from error
    if not isinstance(tree, Mapping):
        raise UserError(f"{path}:1: expected `key: value` lines at the top level")
    lines: dict[Keys, tuple[Path, int]] = {}
    return Document(path, _plain(tree, (), path, lines), lines)


def _count_values(node: Any, path: Path, sizes: dict[int, int]) -> int:
    """Number of values below a node with its aliases expanded; ``sizes``: of visited nodes, 0 while in progress.

    Raises `UserError` for an alias within its own anchor, and for more than `MAX_VALUES` values.
    """
    line = node.start_mark.line + 1 if node is not None else 1
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise UserError(f"{path}:{line}: this anchor contains an alias of itself; write the values out")
        return sizes[id(node)]
    sizes[id(node)] = 0
    entries = node.value if isinstance(node, CollectionNode) else []  # of a map: pairs of key and value
    children = [child for entry in entries for child in (entry if isinstance(entry, tuple) else (entry,))]
    sizes[id(node)] = 1 + sum(_count_values(child, path, sizes) for child in children)
    if sizes[id(node)] > MAX_VALUES:
        raise UserError(f"{path}:{line}: its aliases expand to more than {MAX_VALUES:,} values; write the values out")
    return sizes[id(node)]


def _plain(node: Any, keys: Keys, path: Path, lines: dict[Keys, tuple[Path, int]]) -> Any:
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag:
        raise _error(keys, path, lines, f"has the tag {tag}; only plain text, numbers, lists, maps")
    if isinstance(node, Mapping):
        places = node.lc.data or {} if isinstance(node, CommentedMap) else {}
        plain: dict[str, Any] = {}
        for key, value in node.items():
            name = str(key)
            if key in places:
                lines[(*keys, name)] = (path, places[key][0] + 1)
            if isinstance(key, bool) or not isinstance(key, str | int | float):
                raise _error((*keys, name), path, lines, "is not a string; put the key into quotes")
            if name in plain:
                raise _error((*keys, name), path, lines, "is a duplicate key; remove one")
            plain[name] = _plain(value, (*keys, name), path, lines)
        return plain
    if isinstance(node, list):
        for index in range(len(node)):
            if isinstance(node, CommentedSeq) and index in (node.lc.data or {}):
                lines[(*keys, index)] = (path, node.lc.data[index][0] + 1)
        return [_plain(value, (*keys, index), path, lines) for index, value in enumerate(node)]
    if isinstance(node, float) and not math.isfinite(node):
        raise _error(keys, path, lines, f"is {float(node)}; give a finite number")
    if isinstance(node, str) and not node.isascii() and any("\ud800" <= character <= "\udfff" for character in node):
        raise _error(keys, path, lines, "holds an unpaired surrogate; write the whole character")
    for kind in (bool, int, float, str):  # ruamel's round-trip scalars are subclasses
        if isinstance(node, kind):
            return kind(node)
    if node is None:
        return None
    raise _error(
        keys, path, lines, f"is a {type(node).__name__}; put it into quotes, or write text, numbers, lists, maps"
    )


def _error(keys: Keys, path: Path, lines: Mapping[Keys, tuple[Path, int]], problem: str) -> UserError:
    """The error about the value at ``keys``; ``lines`` must hold its line or that of a parent."""
    place = Document(path, {}, dict(lines)).where(keys)
    return UserError(f"{place}: {'.'.join(map(str, keys)) or 'the file'} {problem}")


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
