"""Names that are referred to and not declared, names that are reserved: each message says where, and what was meant."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bertfit.config import references
from conftest import ROOT
from helpers.project import check_mistake, make


def test_exactly_the_names_of_rules_are_reserved() -> None:
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")])
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, re.M)) | set(
        re.findall(r"^use rule \w+ as (\w+) with:", text, re.M)
    )
    (targets,) = re.findall(r"for name, file in (\{.*\})\.items", text)
    assert rules | ast.literal_eval(targets).keys() == references.RESERVED_TARGETS, (
        "no artefact may be called like a rule"
    )
    assert re.findall(r'f"(\w+){number}"', text) == [references.RESERVED_PREFIX]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


MISTAKES = [
    ("config.yaml", "usual: {}", "usual: {steps: x2}", r"config\.yaml:LINE: steps without `mix`"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x0.000001}", r"config\.yaml:LINE: .*is less than one"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x1, of: x0.5}", r"config\.yaml:LINE: a run of 50000 steps"),
    (
        "config.yaml",
        "corpora: [imdb, trec]\n",
        "corpora: [imdb, trec]\nmixes: {own: {corpora: [imdb]}}\n",
        "'own' has a mean",
    ),
    (
        "config.yaml",
        "corpora: [imdb, trec]\n",
        "corpora: [imdb, trec]\nmixes: {imdb: {corpora: [trec]}}\n",
        "'imdb' has a m",
    ),
    (
        "config.yaml",
        "corpora: [imdb, trec]\n",
        "corpora: [imdb, trec]\nmixes: {a: {corpora: [imdb, imdb]}}\n",
        "duplicate corpus in imdb",
    ),
    (
        "studies/miniature.yaml",
        "  table2: {}",
        "  pretrain_and_save_1: {kind: table, number: A, title: A, caption: A, section: A, columns: {imdb: I}}",
        "'pretrain_and_save_1' has a m",
    ),
    (
        "studies/miniature.yaml",
        "  table2: {}",
        "  table2: {rows: {usual: {mix: onw}}}",
        r"miniature\.yaml:LINE: no mix 'onw'",
    ),
    (
        "studies/miniature.yaml",
        "  general: {synthetic",
        "  imdb: {synthetic",
        r"miniature\.yaml:\d+: the name 'imdb' has a meaning",
    ),
    ("config.yaml", "usual: {}", "usual: {multitask: fuor}", r"config\.yaml:LINE: no multitask 'fuor'"),
    ("config.yaml", "usual: {}", "usual: {mix: own, of: 3x}", r"config\.yaml:LINE: of = '3x'"),
    ("config.yaml", "usual: {}", "usual: {without: {imbd: why}}", r"config\.yaml:LINE: no corpus 'imbd'.*'imdb'"),
    ("config.yaml", "usual: {}", "usual: {encoder: lagre}", r"config\.yaml:LINE: no encoder 'lagre'.*'large'"),
    ("config.yaml", "kind: curves", "kind: sizes", r"Artefact: .*is for artefacts of kind sizes"),
    ("studies/miniature.yaml", "base: mini", "large: maxi\nbase: mini", r"miniature\.yaml:LINE: large names 'maxi'"),
    ("config.yaml", "{truncation: head}", "{truncatoin: head}", r"config\.yaml:LINE: .*'truncation'"),
    (
        "config.yaml",
        "columns: {imdb: IMDb, trec",
        "columns: {imbd: IMDb, trec",
        r"config\.yaml:LINE: no corpus 'imbd'.*'imdb'",
    ),
    ("studies/miniature.yaml", "base: mini", "base: midi", r"miniature\.yaml:LINE: base names 'midi'.*'mini'"),
    (
        "studies/miniature.yaml",
        "positions: 64",
        "positions: 32",
        r"miniature\.yaml:LINE: the max_length 64 of finetune .* 32 positions",
    ),
    ("studies/miniature.yaml", "texts: [general]", "texts: [genral]", r"miniature\.yaml:LINE: .*'genral'.*'general'"),
    ("config.yaml", "usual: {}", "usual: {mix: onw}", r"config\.yaml:LINE: no mix 'onw'.*'own'"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: 2x}", r"config\.yaml:LINE: steps = '2x'"),
    ("config.yaml", "corpora: [imdb, trec]", "mixes: {a: {corpora: [imbd]}}", r"config\.yaml:LINE: .*'imbd'.*'imdb'"),
    ("studies/miniature.yaml", "mix: general", "mix: genral", r"miniature\.yaml:LINE: .*mix names 'genral'.*'general'"),
    (
        "studies/miniature.yaml",
        "    title: IMDb",
        "    title: IMDb\n    overlaps: [imbd]",
        r"miniature\.yaml:\d+: corpora\.imdb\.overlaps names 'imbd'.*'imdb'",
    ),
    (
        "config.yaml",
        "trec: TREC}",
        "trec: IMDb}",
        r"config\.yaml:LINE: 'trec' and 'imdb' have the same heading 'IMDb'; choose another",
    ),
    (
        "config.yaml",
        "kind: table\n",
        "kind: table\n    average: {over: usual, title: TREC}\n",
        r"config\.yaml:\d+: 'TREC' is the heading of a corpus already; choose another",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES)
def test_mistakes_are_named(project: Path, file: str, old: str, new: str, message: str) -> None:
    check_mistake(project, file, old, new, message)
