"""A study that extends another, samples, shapes of config.yaml, and what is refused while both are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.reasons import Unavailable
from bertfit.core.errors import UserError
from helpers.project import check_mistake, edited, make, opened


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


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


@pytest.mark.parametrize(
    ("key", "value"), [("mixes", "3"), ("artefacts", "[1]"), ("corpora", "imdb"), ("finetun", "{}")]
)
def test_the_shape_of_config_is_checked(project: Path, key: str, value: str) -> None:
    text = (project / "config.yaml").read_text()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(f"{key}:"))
    (project / "config.yaml").write_text(f"{key}: {value}\n" + (kept if key != "artefacts" else "corpora: [imdb]"))
    with pytest.raises(UserError, match=r"config\.yaml:1"):
        opened(project)


OTHERS = """\
  roberta: {title: Other, vocabulary: mini, family: roberta, folder: roberta, layers: 2, positions: 64}
others:
  roberta:
    table2: {columns: {trec: null}, seeds: [7], rows: {more: {recipe: {max_length: 128}}}}
    figure2: {}
finetune:
"""


def test_other_encoders_repeat_artefacts_with_differences(project: Path) -> None:
    edited(project, "studies/miniature.yaml", "finetune:\n", OTHERS)
    registry = opened(project)
    base, again = registry.artefacts["table2"], registry.artefacts["table2_roberta"]
    assert list(registry.artefacts) == ["table2", "figure2", "table2_roberta", "figure2_roberta"]
    assert (again.number, again.seeds, list(again.columns)) == ("Table 2, Other", [7], ["imdb"])
    assert list(again.rows) == [*base.rows, "more"] and {row.encoder for row in again.rows.values()} == {"roberta"}
    reason = "roberta: no encoder there; make the folder of Other, or correct `folder`"
    assert {cell.reason for cell in registry.cells["table2_roberta"]} == {reason}
    (project / "config.json").write_text("{}")
    edited(project, "studies/miniature.yaml", "folder: roberta", f"folder: {project}")
    cells = {cell.row: cell for cell in opened(project, artefacts="table2_roberta").cells["table2_roberta"]}
    assert cells["head"].run_group and cells["head"].run_group.encoder == "roberta"
    assert cells["more"].reason == "the encoder reads 64 word pieces"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\n  roberta:\n", "\n  robert:\n", r"miniature\.yaml:\d+: no encoder 'robert'.*roberta"),
        ("\n  roberta:\n", "\n  mini:\n", r"miniature\.yaml:\d+: 'mini' is the base encoder, which the artefacts have"),
        ("    figure2: {}\nfin", "    table7: {}\nfin", r"miniature\.yaml:LINE: no artefact with runs 'table7'"),
        ("seeds: [7]", "seeds: [x]", r"miniature\.yaml:\d+: .*seeds"),
    ],
)
def test_mistakes_in_others_are_named(project: Path, old: str, new: str, message: str) -> None:
    edited(project, "studies/miniature.yaml", "finetune:\n", OTHERS)
    check_mistake(project, "studies/miniature.yaml", old, new, message)


MISTAKES = [
    ("config.yaml", "  table2:\n", "  finetune:\n", r"miniature\.yaml:\d+: no artefact 'table2'"),
    ("studies/miniature.yaml", "  table2: {}", "  tabel2: {}", r"miniature\.yaml:LINE: no artefact 'tabel2'.*'table2'"),
    (
        "studies/miniature.yaml",
        "  max_length: 64",
        "  max_length: 64\n  max_length: 32",
        r"miniature\.yaml:\d+: not valid YAML",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES)
def test_mistakes_are_named(project: Path, file: str, old: str, new: str, message: str) -> None:
    check_mistake(project, file, old, new, message)
