"""A small file of claims and a study for it: what is read, and what is said about mistakes."""

import re
import shutil

import pytest

from bertfit.claims import claim_schema, resolve
from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from conftest import ROOT

ONE = """\
margin: 0.5
margins: {mine: 2}
claims:
  head-tail:
    sentence: It is better.
    source: here
    compare:
      - a: {artefact: table2, row: head+tail}
        b: {row: [head-only, tail-only]}
"""


def load(tmp_path, text):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    return claim_schema.load(path)


def complains(tmp_path, line, message, action):
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'claims.yaml'}:{line}: ")) as error:
        action()
    assert str(error.value).startswith(str(tmp_path)) and message in str(error.value)


STUDY = """\
extends: miniature
seeds: [1, 2, 3]
artefacts:
  table2: {}
  table3: {}
  figure3: {rows: {1k: null}}
  table6: {rows: {BERT-FiT: {seeds: [1, 2, 3, 4, 5]}}}
  figure4:
    sizes: {"0.4": null, "1": null, "2": null, "4": {fraction: 0.04}, "10": {fraction: 0.1}, "20": {fraction: 0.2}}
  table8: {}
"""


def contrasts(tmp_path, registry, text):
    (question,) = resolve.resolve(load(tmp_path, text), registry)
    return question.contrasts


def make_registry(folder):
    """The study STUDY, which extends the miniature, in a folder with the repository's config.yaml and studies."""
    shutil.copy(ROOT / "config.yaml", folder)
    shutil.copytree(ROOT / "studies", folder / "studies")
    (folder / "studies/mine.yaml").write_text(STUDY)
    return open_registry({"study": "mine"}, folder)
