"""A small config and study to make mistakes in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry, open_registry

REVIEWS = Path(__file__).parents[1] / "studies" / "reviews.csv"
"""forty made-up reviews, 1 or 5 stars"""
CONFIG = """\
corpora: [imdb, trec]
finetune:
  lr: 2e-5
artefacts:
  table2:
    kind: table
    number: Table 2
    title: Long texts
    section: "5.3.1"
    caption: c
    columns: {imdb: IMDb, trec: TREC}
    rows:
      head: {recipe: {truncation: head}}
      usual: {}
  figure2:
    kind: curves
    number: Figure 2
    title: Rates
    section: "5.3.3"
    caption: c
    columns: {imdb: IMDb}
    rows:
      slow: {recipe: {lr: x1}}
      fast: {recipe: {lr: x2.5}}
"""
STUDY = """\
title: Small
comparable: false
base: mini
seeds: [1, 2, 3, 4]
block: 3
corpora:
  imdb:
    title: IMDb
    domain: sentiment
    source: {synthetic: {corpus: imdb}}
  trec:
    title: TREC
    domain: question
    source: {local: {train: a.csv, test: b.csv}}
texts:
  general: {synthetic: {corpus: general}}
vocabularies:
  mini: {texts: [general], size: 500}
encoders:
  mini:
    title: mini
    vocabulary: mini
    mix: general
    scratch: {layers: 2, hidden: 16, heads: 2, intermediate: 32, positions: 64}
finetune:
  max_length: 64
  lr: 1e-3
  head_tokens: 16
pretrain: {max_length: 64}
artefacts:
  table2: {}
  figure2: {}
"""


def make(tmp_path: Path) -> Path:
    """Write both below a folder; returns it."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "studies/miniature.yaml").write_text(STUDY)
    return tmp_path


def edited(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new, 1))


def opened(project: Path, **switches: object) -> Registry:
    return open_registry(switches, project)


def switches(study: str) -> dict[str, object]:
    """The --config values that a study needs: the study example reads your own dataset."""
    own = {"data": str(REVIEWS), "text": "review", "label": "stars", "gpus": 0}
    return {"study": study} | (own if study == "example" else {})


def check_mistake(project: Path, file: str, old: str, new: str, message: str) -> None:
    """Assert that the edit is refused with ``message``, in which LINE stands for the first line of ``new``."""
    edited(project, file, old, new)
    before, _, _ = (project / file).read_text().partition(new)
    with pytest.raises(UserError, match=message.replace("LINE", str(before.count("\n") + 1))):
        opened(project)


def with_packages(registry: Registry) -> Registry:
    """The registry that a machine with the packages of the study's corpora has, whatever this one has."""
    settings = registry.settings
    packaged = {name: "package" for name, corpus in settings.study.corpora.items() if corpus.source.package}
    picked = {name: settings.source(name) for name in settings.study.corpora}
    return Registry(replace(settings, sources=picked | packaged), registry.folder)


def summary(registry: Registry) -> str:
    """``N cells, M distinct runs, J jobs, K encoders``."""
    cells = sum(cell.run_group is not None for cells in registry.cells.values() for cell in cells)
    runs = sum(map(len, registry.seeds.values()))
    return f"{cells} cells, {runs} distinct runs, {len(registry.jobs())} jobs, {len(registry.encoders)} encoders"
