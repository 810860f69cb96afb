"""An installed Python package that a test makes: files, metadata, and code that fails if it is ever run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from helpers.reportdata import EVIL

TRAP = 'raise AssertionError("the package was imported")\n'
REVIEWS = "text,label,source\n" + "".join(
    f"{kind} number {number} of {source},{number % 2},{source}\n"
    for source, kind, count in (("long", "a long review", 20), ("short", "short", 12))
    for number in range(count)
)
"""32 rows, of which the last 12 are from ``short``"""
PACKAGED: dict[str, Any] = {
    "kind": "package", "package": "made-reviews", "version": "1.0", "licence": "MIT", "held_out": 0.25,
    "files": {"train": {"path": "a.csv", "sha256": "ef" * 32}}, "where": {"source": EVIL},
}  # fmt: skip
"""the source of a corpus from a package, on its card"""


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    files: Mapping[str, str | bytes] | None = None,
    name: str = "made_reviews",
    version: str = "1.0",
    metadata: str = "License: MIT\n",
) -> Path:
    """Put a package on the path: ``files`` below its folder, by default ``data/reviews.csv``; returns its folder."""
    package, info = folder / name, folder / f"{name}-{version}.dist-info"
    for path, content in {"__init__.py": TRAP, **(files or {"data/reviews.csv": REVIEWS})}.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n{metadata}"
    )
    (info / "top_level.txt").write_text(f"{name}\n")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return package
