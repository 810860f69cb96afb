"""What --config, a study that extends another, and the mixes of both come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.reasons import Unavailable
from bertfit.core.errors import UserError
from bertfit.experiments.cells import RunGroup
from helpers.project import STUDY, edited, make, opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


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
    assert some.run_group == RunGroup("imdb", "mini~imdb@15.s1", "default"), "of its texts one is there: the own text"
    assert some.note == ""
    assert registry.available_texts("both") == ["imdb"]
    assert cells["usual", "imdb"].reason == "no corpus of the mix absent is available"


def test_switches(project: Path) -> None:
    with pytest.raises(UserError, match="no such switch; did you mean 'study'"):
        opened(project, stuyd="compact")
    with pytest.raises(UserError, match="no study 'miniatur'.*did you mean 'miniature'"):
        opened(project, study="miniatur")
    with pytest.raises(UserError, match="corpora=imbd: unknown name 'imbd'; did you mean 'imdb'"):
        opened(project, corpora="imbd")
    with pytest.raises(UserError, match="unknown name 'tabel2'; did you mean 'table2'"):
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
    assert registry.unavailable("trec") == Unavailable("not part of this study")
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
        opened(project, throughput="120.5").settings.switches.throughput == 120.5
        and opened(project).settings.switches.throughput is None
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
    assert opened(project, data=str(project), corpora="trec").available_texts("both") == ["imdb", "general"]


@pytest.mark.parametrize(
    ("key", "value"), [("mixes", "3"), ("artefacts", "[1]"), ("corpora", "imdb"), ("finetun", "{}")]
)
def test_the_shape_of_config_is_checked(project: Path, key: str, value: str) -> None:
    text = (project / "config.yaml").read_text()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(f"{key}:"))
    (project / "config.yaml").write_text(f"{key}: {value}\n" + (kept if key != "artefacts" else "corpora: [imdb]"))
    with pytest.raises(UserError, match=r"config\.yaml:1"):
        opened(project)
