"""Bad keys and values in config and study files: each message names file, line, key and the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.errors import UserError
from bertfit.registry import Registry, Trainee, open_registry

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
    source: {world: {corpus: imdb}}
  trec:
    title: TREC
    domain: question
    source: {local: {train: a.csv, test: b.csv}}
texts:
  general: {world: {corpus: general}}
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


@pytest.fixture
def project(tmp_path: Path) -> Path:
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


def test_runs_are_shared_between_artefacts(project: Path) -> None:
    registry = opened(project)
    recipes = {(trainee.corpus, trainee.recipe): seeds for trainee, seeds in registry.seeds.items()}
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


def test_a_corpus_that_cannot_be_had_gives_empty_cells(project: Path) -> None:
    cells = {(cell.row, cell.corpus): cell for cell in opened(project).cells["table2"]}
    assert cells["head", "trec"].status == "not available" and "data folder" in cells["head", "trec"].reason
    (project / "a.csv").touch()
    (project / "b.csv").touch()
    assert opened(project, data=str(project)).unavailable("trec") is None
    assert opened(project, data=str(project), corpora="trec").unavailable("imdb") == "left out by --config corpora"


MISTAKES = [
    ("config.yaml", "usual: {}", "usual: {steps: x2}", r"config\.yaml:LINE: steps without `mix`"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x0.000001}", r"config\.yaml:LINE: .*is less than one"),
    ("config.yaml", "usual: {}", "usual: {mix: own, steps: x1, of: x0.5}", r"config\.yaml:LINE: a run of 50000 steps"),
    ("config.yaml", "{truncation: head}", "{pooler: true, layers: first4}", r"config\.yaml:\d+: .*leave out `layers`"),
    ("config.yaml", "{truncation: head}", "{classifier: bilstm, keep: weights}", r"config\.yaml:\d+: .*is not kept"),
    ("config.yaml", "{truncation: head}", "{keep: weights, layers: all}", r"config\.yaml:\d+: .*several layers"),
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
        "twice in imdb",
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
        "  general: {world",
        "  imdb: {world",
        r"miniature\.yaml:\d+: the name 'imdb' has a meaning",
    ),
    ("config.yaml", "usual: {}", "usual: {multitask: fuor}", r"config\.yaml:LINE: no multitask 'fuor'"),
    ("config.yaml", "usual: {}", "usual: {mix: own, of: 3x}", r"config\.yaml:LINE: of = '3x'"),
    ("config.yaml", "usual: {}", "usual: {without: {imbd: why}}", r"config\.yaml:LINE: no corpus 'imbd'.*'imdb'"),
    ("config.yaml", "usual: {}", "usual: {encoder: lagre}", r"config\.yaml:LINE: no encoder 'lagre'.*'large'"),
    ("config.yaml", "usual: {}", "usual: {recipe: {preset: modem}}", r"config\.yaml:LINE: no preset 'modem'"),
    ("config.yaml", "usual: {}", "usual: {recipe: {layers: top}}", r"config\.yaml:LINE: .*layers = 'top'"),
    ("config.yaml", "kind: curves", "kind: sizes", r"Artefact: .*sizes belong to kind sizes"),
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


def test_mixes_of_the_paper_and_of_a_study(project: Path) -> None:
    mixes = "mixes: {both: {corpora: [imdb, trec, absent]}, leaky: {corpora: [imdb], text: train+test}}\n"
    edited(project, "config.yaml", "corpora: [imdb, trec]\n", f"corpora: [imdb, trec, absent]\n{mixes}")
    edited(project, "config.yaml", "usual: {}", "usual: {mix: absent}\n      some: {mix: both, steps: x0.5}")
    edited(
        project, "studies/miniature.yaml", "pretrain: {max", "mixes: {leaky: {text: train}}\npretrain: {steps: 30, max"
    )
    registry = opened(project)
    assert registry.settings.study.mixes["leaky"].text == "train"
    cells = {(cell.row, cell.corpus): cell for cell in registry.cells["table2"]}
    some = cells["some", "imdb"]
    assert some.trainee == Trainee("imdb", "mini~imdb@15.s1", "default"), "of its texts one is there: the own text"
    assert some.note == ""
    assert registry.texts_in_hand("both") == ["imdb"]
    assert cells["usual", "imdb"].reason == "no corpus of the mix absent can be had"


def test_switches(project: Path) -> None:
    with pytest.raises(UserError, match="no such switch; did you mean 'study'"):
        opened(project, stuyd="compact")
    with pytest.raises(UserError, match="no study 'miniatur'.*did you mean 'miniature'"):
        opened(project, study="miniatur")
    with pytest.raises(UserError, match="corpora=imbd: no 'imbd' among them; did you mean 'imdb'"):
        opened(project, corpora="imbd")
    with pytest.raises(UserError, match="no 'tabel2' among them; did you mean 'table2'"):
        opened(project, artefacts="tabel2")
    chosen = opened(project, artefacts="figure2")
    assert chosen.chosen == ["figure2"] and chosen.summary() == opened(project).summary(), "runs are those of all"
    assert opened(project, sample=20).settings.study.sample == {"train": 20, "test": 20}
    assert {tuple(seeds) for seeds in opened(project, seeds=2).seeds.values()} == {(1, 2)}


def test_extends(project: Path) -> None:
    (project / "studies/small.yaml").write_text(
        "extends: miniature\ntitle: Smaller\ncorpora: {trec: null}\nartefacts: {figure2: null}\nfinetune: {lr: 0.1}\n"
    )
    registry = opened(project, study="small")
    assert registry.root == "results/small"
    assert list(registry.artefacts) == ["table2"]
    assert registry.unavailable("trec") == "not part of this study"
    assert registry.default.lr == 0.1 and registry.default.max_length == 64
    edited(project, "studies/small.yaml", "lr: 0.1", "lr: -1")
    with pytest.raises(UserError, match=r"small\.yaml:5: lr = -1"):
        opened(project, study="small")


@pytest.mark.parametrize(
    ("switch", "value", "message"),
    [("seeds", "abc", "seeds=abc"), ("seeds", 0, "seeds=0"), ("gpus", "x", "gpus=x"), ("sample", -3, "sample=-3")],
)
def test_numbers_of_switches_are_checked(project: Path, switch: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"--config {message}: give a whole number"):
        opened(project, **{switch: value})


def test_throughput_is_a_number(project: Path) -> None:
    assert (
        opened(project, throughput="120.5").settings.throughput == 120.5 and opened(project).settings.throughput is None
    )
    with pytest.raises(UserError, match="--config throughput=fast: give a number above 0"):
        opened(project, throughput="fast")


def test_a_sample_has_results_of_its_own(project: Path) -> None:
    edited(project, "studies/miniature.yaml", "comparable: false", "comparable: true")
    assert opened(project).settings.study.comparable and not opened(project, sample=20).settings.study.comparable
    assert opened(project, sample=20).root == "results/miniature.sample20" != opened(project).root


def test_a_data_folder_that_is_not_there_is_told(project: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        opened(project, data=str(project / "nowhere"))


def test_studies_in_a_circle_are_told(project: Path) -> None:
    (project / "studies/a.yaml").write_text("extends: b\n")
    (project / "studies/b.yaml").write_text("extends: a\n")
    with pytest.raises(UserError, match="a -> b -> a"):
        opened(project, study="a")


def test_nulls_of_a_chain_reach_the_artefacts(project: Path) -> None:
    (project / "studies/one.yaml").write_text("extends: miniature\ntitle: One\n")
    (project / "studies/two.yaml").write_text("extends: one\nartefacts: {table2: {columns: {trec: null}}}\n")
    assert list(opened(project, study="two").artefacts["table2"].columns) == ["imdb"]


def test_leaving_corpora_out_changes_no_mix(project: Path) -> None:
    mixes = "mixes: {both: {corpora: [imdb, general]}}\n"
    (project / "studies/miniature.yaml").write_text(STUDY + mixes)
    (project / "a.csv").touch()
    (project / "b.csv").touch()
    assert opened(project, data=str(project), corpora="trec").texts_in_hand("both") == ["imdb", "general"]


@pytest.mark.parametrize(
    ("key", "value"), [("mixes", "3"), ("artefacts", "[1]"), ("corpora", "imdb"), ("finetun", "{}")]
)
def test_the_shape_of_config_is_checked(project: Path, key: str, value: str) -> None:
    text = (project / "config.yaml").read_text()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(f"{key}:"))
    (project / "config.yaml").write_text(f"{key}: {value}\n" + (kept if key != "artefacts" else "corpora: [imdb]"))
    with pytest.raises(UserError, match=r"config\.yaml:1"):
        opened(project)
