"""Bad keys and values in config and study files: each message names file, line, key and the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.reasons import Unavailable
from bertfit.core.errors import UserError
from helpers.project import edited, make, opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


def test_runs_are_shared_between_artefacts(project: Path) -> None:
    registry = opened(project)
    recipes = {(run_group.corpus, run_group.recipe): seeds for run_group, seeds in registry.seeds.items()}
    assert recipes == {
        ("imdb", "truncation=head"): [1, 2, 3, 4],
        ("imdb", "default"): [1, 2, 3, 4],  # row `usual` of Table 2 and line `slow` of Figure 2
        ("imdb", "lr=0.0025"): [1, 2, 3, 4],
    }
    assert registry.summary() == "4 cells, 12 distinct runs, 6 jobs, 1 encoders"
    assert [job.path for job in registry.jobs("figure2")][:2] == [
        "runs/imdb/mini/default/seeds1-3",
        "runs/imdb/mini/default/seeds4-4",
    ]


def test_an_unavailable_corpus_gives_empty_cells(project: Path) -> None:
    cells = {(cell.row, cell.corpus): cell for cell in opened(project).cells["table2"]}
    assert cells["head", "trec"].status == "not available" and "data folder" in cells["head", "trec"].reason
    (project / "a.csv").touch()
    (project / "b.csv").touch()
    assert opened(project, data=str(project)).unavailable("trec") is None
    left_out = opened(project, data=str(project), corpora="trec").unavailable("imdb")
    assert left_out == Unavailable("left out by --config corpora")


MISTAKES = [
    ("config.yaml", "usual: {}", "usual: {steps: x2}", r"config\.yaml:LINE: steps without `mix`"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x0.000001}", r"config\.yaml:LINE: .*is less than one"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x1, of: x0.5}", r"config\.yaml:LINE: a run of 50000 steps"),
    ("config.yaml", "{truncation: head}", "{pooler: true, layers: first4}", r"config\.yaml:\d+: .*leave out `layers`"),
    (
        "config.yaml",
        "{truncation: head}",
        "{classifier: bilstm, save_model: true}",
        r"config\.yaml:\d+: .*is not saved",
    ),
    ("config.yaml", "{truncation: head}", "{save_model: true, layers: all}", r"config\.yaml:\d+: .*several layers"),
    ("config.yaml", "{truncation: head}", "{dropout: 1.0}", r"config\.yaml:LINE: dropout = 1\.0"),
    ("config.yaml", "  table2:\n", "  finetune:\n", r"miniature\.yaml:\d+: no artefact 'table2'"),
    ("config.yaml", "corpora: [imdb, trec]\n", "corpora: [imdb, trec]\npresets: {a: {clip_bye: 1}}\n", r"'clip_bye'"),
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
        "  head_tokens: 16",
        "  head_tokens: 63",
        r"miniature\.yaml:\d+: .*does not fit into max_len",
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
    ("config.yaml", "usual: {}", "usual: {recipe: {preset: modem}}", r"config\.yaml:LINE: no preset 'modem'"),
    ("config.yaml", "usual: {}", "usual: {recipe: {layers: top}}", r"config\.yaml:LINE: .*layers = 'top'"),
    ("config.yaml", "kind: curves", "kind: sizes", r"Artefact: .*is for artefacts of kind sizes"),
    ("config.yaml", "kind: table", "average: {over: x, title: y}\n    kind: table", r"average\.over names 'x'"),
    ("studies/miniature.yaml", "base: mini", "large: maxi\nbase: mini", r"miniature\.yaml:LINE: large names 'maxi'"),
    (
        "studies/miniature.yaml",
        "    mix: general",
        "    mix: general\n    layers: 2",
        r"give `layers`.*in its shape alone",
    ),
    ("config.yaml", "  lr: 2e-5", "  lrr: 2e-5", r"config\.yaml:LINE: unknown key 'lrr' .*'lr'"),
    ("config.yaml", "truncation: head}", "truncation: heads}", r"config\.yaml:LINE: .*truncation = 'heads'"),
    ("config.yaml", "{truncation: head}", "{truncatoin: head}", r"config\.yaml:LINE: .*'truncation'"),
    (
        "config.yaml",
        "columns: {imdb: IMDb, trec",
        "columns: {imbd: IMDb, trec",
        r"config\.yaml:LINE: no corpus 'imbd'.*'imdb'",
    ),
    ("config.yaml", "kind: table", "kind: tabel", r"config\.yaml:LINE: .*kind = 'tabel'"),
    (
        "config.yaml",
        "    caption: c\n    columns: {imdb: IMDb, t",
        "    columns: {imdb: IMDb, t",
        r"config.*caption is missing",
    ),
    ("studies/miniature.yaml", "  table2: {}", "  tabel2: {}", r"miniature\.yaml:LINE: no artefact 'tabel2'.*'table2'"),
    ("studies/miniature.yaml", "domain: sentiment", "domian: sentiment", r"miniature\.yaml:LINE: .*'domian'.*'domain'"),
    ("studies/miniature.yaml", "base: mini", "base: midi", r"miniature\.yaml:LINE: base names 'midi'.*'mini'"),
    (
        "studies/miniature.yaml",
        "positions: 64",
        "positions: 32",
        r"miniature\.yaml:LINE: the max_length 64 of finetune .* 32 positions",
    ),
    ("studies/miniature.yaml", "positions: 64", "positoins: 64", r"miniature\.yaml:LINE: .*'positoins'.*'positions'"),
    ("studies/miniature.yaml", "lr: 1e-3", "lr: fast", r"miniature\.yaml:LINE: lr = 'fast'"),
    (
        "studies/miniature.yaml",
        "  max_length: 64",
        "  max_length: 64\n  max_length: 32",
        r"miniature\.yaml:\d+: not valid YAML",
    ),
    ("studies/miniature.yaml", "texts: [general]", "texts: [genral]", r"miniature\.yaml:LINE: .*'genral'.*'general'"),
    ("studies/miniature.yaml", "trec:\n", "../trec:\n", r"miniature\.yaml:\d+: .*trec"),
    ("config.yaml", "usual: {}", "usual: {mix: onw}", r"config\.yaml:LINE: no mix 'onw'.*'own'"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: 2x}", r"config\.yaml:LINE: steps = '2x'"),
    ("config.yaml", "corpora: [imdb, trec]", "mixes: {a: {corpora: [imbd]}}", r"config\.yaml:LINE: .*'imbd'.*'imdb'"),
    ("config.yaml", "kind: table", "kind: steps", r"miniature\.yaml:\d+: Artefact: .*shows one corpus, columns has 2"),
    ("studies/miniature.yaml", "mix: general", "mix: genral", r"miniature\.yaml:LINE: .*mix names 'genral'.*'general'"),
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
    (
        "studies/miniature.yaml",
        "    title: IMDb",
        "    title: IMDb\n    overlaps: [imbd]",
        r"miniature\.yaml:\d+: corpora\.imdb\.overlaps names 'imbd'.*'imdb'",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES)
def test_mistakes_are_named(project: Path, file: str, old: str, new: str, message: str) -> None:
    edited(project, file, old, new)
    before, _, _ = (project / file).read_text().partition(new)
    message = message.replace("LINE", str(before.count("\n") + 1))
    with pytest.raises(UserError, match=message):
        opened(project)
