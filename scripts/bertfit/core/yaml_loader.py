"""The one YAML loader: plain data, with the line each key stands on.

YAML 1.2 through ruamel.yaml: `2e-5` is a number, `no` is a string, a duplicate key or a tab is an error. Nothing in a
file can run code.
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
MOST = 100_000  # values of a file; the longest study has some hundreds


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
        if "&" in text and "*" in text:
            _count(YAML(typ="rt", pure=True).compose(text), path, {})
        tree = YAML(typ="rt", pure=True).load(text)
    except RecursionError as error:
        raise UserError(f"{path}: nested too deeply; a study has a few levels") from error
    except (YAMLError, ValueError) as error:  # ValueError: a number of more digits than Python reads
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        if isinstance(error, ReaderError):
            line = f":{text.count(chr(10), 0, error.position) + 1}"
        problem = str(getattr(error, "problem", None) or error).split("\n")[0]
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from error
    if not isinstance(tree, Mapping):
        raise UserError(f"{path}:1: expected `key: value` lines on the top level")
    lines: dict[Keys, tuple[Path, int]] = {}
    return Document(path, _plain(tree, (), path, lines), lines)


def _count(node: Any, path: Path, sizes: dict[int, int]) -> int:
    """Values below a node, an alias counted as all that it stands for; ``sizes``: of nodes seen, 0 while they are open.

    Raises `UserError` for an alias within its own anchor, and for aliases of aliases that blow a file up.
    """
    line = node.start_mark.line + 1 if node is not None else 1
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise UserError(f"{path}:{line}: this anchor holds an alias of itself; write the values out")
        return sizes[id(node)]
    sizes[id(node)] = 0
    inside = node.value if isinstance(node, CollectionNode) else []
    flat = [each for one in inside for each in (one if isinstance(one, tuple) else (one,))]
    sizes[id(node)] = 1 + sum(_count(each, path, sizes) for each in flat)
    if sizes[id(node)] > MOST:
        raise UserError(f"{path}:{line}: its aliases stand for more than {MOST:,} values; write the values out")
    return sizes[id(node)]


def _plain(node: Any, keys: Keys, path: Path, lines: dict[Keys, tuple[Path, int]]) -> Any:
    tag = getattr(getattr(node, "tag", None), "value", None)
    if tag:
        raise _refused(keys, path, lines, f"has the tag {tag}; only plain text, numbers, lists, maps")
    if isinstance(node, Mapping):
        places = node.lc.data or {} if isinstance(node, CommentedMap) else {}
        found: dict[str, Any] = {}
        for key, value in node.items():
            name = str(key)
            if key in places:
                lines[(*keys, name)] = (path, places[key][0] + 1)
            if isinstance(key, bool) or not isinstance(key, str | int | float):
                raise _refused((*keys, name), path, lines, "is no text; put the key into quotes")
            if name in found:
                raise _refused((*keys, name), path, lines, "stands twice; remove one")
            found[name] = _plain(value, (*keys, name), path, lines)
        return found
    if isinstance(node, list):
        for index in range(len(node)):
            if isinstance(node, CommentedSeq) and index in (node.lc.data or {}):
                lines[(*keys, index)] = (path, node.lc.data[index][0] + 1)
        return [_plain(value, (*keys, index), path, lines) for index, value in enumerate(node)]
    if isinstance(node, float) and not math.isfinite(node):
        raise _refused(keys, path, lines, f"is {float(node)}; give a finite number")
    if isinstance(node, str) and not node.isascii() and any("\ud800" <= character <= "\udfff" for character in node):
        raise _refused(keys, path, lines, "holds half of a surrogate pair; write the whole character")
    for kind in (bool, int, float, str):  # ruamel's round-trip scalars are subclasses
        if isinstance(node, kind):
            return kind(node)
    if node is None:
        return None
    raise _refused(
        keys, path, lines, f"is a {type(node).__name__}; put it into quotes, or write text, numbers, lists, maps"
    )


def _refused(keys: Keys, path: Path, lines: Mapping[Keys, tuple[Path, int]], problem: str) -> UserError:
    """The error about the value at ``keys``, whose line, or that of what it stands in, is known already."""
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
