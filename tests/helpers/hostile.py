"""Corpora built of files as they come: one file for both splits, the card and the rows that came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bertfit.config.corpus_schema import Corpus
from bertfit.data import corpora

Content = str | bytes | Callable[[Path], object]


def build(
    folder: Path, train: Content, test: Content | None = None, ending: str = "csv", **source: Any
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The card, and the training rows with the names of their classes; ``test`` is by default the same as ``train``."""
    names = {split: f"{split}.{ending}" for split in ("train", "test")}
    for split, content in (("train", train), ("test", train if test is None else test)):
        path = folder / names[split]
        if callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    corpus = Corpus.model_validate({"title": "Own", "domain": "topic", "source": {"local": names | source}})
    out = {name: folder / "out" / f"{name}.parquet" for name in ("train", "test")}
    out |= {"clusters": folder / "out/clusters.parquet", "card": folder / "out/card.json"}
    corpora.build("own", corpus, files=corpus.source.files(folder), sample=None, **out)
    card = json.loads((folder / "out/card.json").read_text(encoding="utf-8"))
    rows = pq.read_table(out["train"]).to_pydict()
    rows["label"] = [card["label_names"][label] for label in rows["label"]]
    return card, rows


def parquet(**columns: Any) -> Callable[[Path], object]:
    """A Parquet file of these columns."""
    import pyarrow as pa

    return lambda path: pq.write_table(pa.table(columns), path)
