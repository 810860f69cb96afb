"""YAML that would run, blow up or quietly say something else: plain data, or an error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core import yaml_loader
from bertfit.core.errors import UserError


def load(folder: Path, content: str | bytes) -> object:
    path = folder / "study.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return yaml_loader.load(path).value


def laughs(levels: int) -> str:
    """A list of ten, and each level a list of ten times the one before: 10 ** levels values."""
    lists = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, levels)]
    return "".join([f"a0: &a0 [{', '.join('x' * 10)}]\n", *lists])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends(tmp_path: Path, mark: bytes, end: str) -> None:
    content = "a: 1\nb: |\n  x\n  y\nclass: {def: None, '1': été 😀}\n".replace("\n", end)
    assert load(tmp_path, mark + content.encode()) == {
        "a": 1, "b": "x\ny\n", "class": {"def": "None", "1": "été 😀"}
    }  # fmt: skip


def test_aliases_are_copies(tmp_path: Path) -> None:
    value = load(tmp_path, "a: &x {b: [1]}\nc: *x\nd:\n  <<: *x\n  e: 2\n")
    assert value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": {"b": [1], "e": 2}}
    assert value["a"] is not value["c"]  # what changes one changes no other
    assert len(load(tmp_path, laughs(4))["a3"]) == 10  # 10,000 values are fine


BAD = {
    "laughs": (laughs(9), ":5: its aliases expand to more than 100,000 values"),
    "itself": ("a: 1\nb: &x [*x]\n", ":2: this anchor contains an alias of itself"),
    "cycle": ("a: 1\nb: &y\n  c: *y\n", ":2: this anchor contains an alias of itself"),
    "nowhere": ("a: *b\n", ":1: not valid YAML: found undefined alias"),
    "twice": ("a:\n  b: 1\n  b: 2\n", ':3: not valid YAML: found duplicate key "b"'),
    "number twice": ("a:\n  1: x\n  '1': y\n", ":3: a.1 is a duplicate key; remove one"),
    "tab": ("a:\n\tb: 1\n", ":2: not valid YAML: found character '\\t'"),
    "tab behind": ("a:\tb\n", ":1: not valid YAML: found character '\\t'"),
    "list as key": ("a: 1\n? [x, y]\n: 2\n", ":2: ('x', 'y') is not a string; put the key into quotes"),
    "true as key": ("a: 1\ntrue: 2\n", ":2: True is not a string"),
    "no key": ("a: 1\n: 2\n", ":2: None is not a string"),
    "date": ("a: 1\nb: 2020-01-01\n", ":2: b is a date; put it into quotes"),
    "infinite": ("a: 1\nb: .inf\n", ":2: b is inf; give a finite number"),
    "too large": ("a: 1\nb: 1e999\n", ":2: b is inf"),
    "no number": ("a: [1, .nan]\n", ":1: a.1 is nan"),
    "digits": (f"a: {'9' * 5000}\n", ": not valid YAML: Exceeds the limit"),
    "surrogate": ('a: "\\ud800"\n', ":1: a holds an unpaired surrogate"),
    "nul": ("a: 1\nb: x\0y\n", ":2: not valid YAML: unacceptable character #x0000"),
    "escape": ("a: 1\nb: \x1b[31m\n", ":2: not valid YAML: unacceptable character #x001b"),
    "deep": ("".join(" " * at + "a:\n" for at in range(1200)), ": nested too deeply"),
    "utf-16": ("a: 1\n".encode("utf-16"), ": byte 0 is not UTF-8; save the file as UTF-8"),
    "two": ("a: 1\n---\nb: 2\n", ":2: not valid YAML: but found another document"),
    "tag": ("a: 1\nb: !thing x\n", ":2: b has the tag !thing"),
    "object": ("!!python/object:os.system {a: 1}\n", ":1: the file has the tag"),
    "apply": ("a: !!python/object/apply:os.system ['touch pwned']\n", ":1: a has the tag"),
    "bytes": ("a: !!binary aGk=\n", ":1: a is a bytes"),
    "empty": ("", ":1: expected `key: value` lines"),
    "text": ("hello\n", ":1: expected `key: value` lines"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_with_file_and_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, message = BAD[name]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path, content)
    assert f"study.yaml{message}" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
