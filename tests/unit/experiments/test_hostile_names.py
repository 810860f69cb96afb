"""Names never lead out of the results folder: neither a corpus's nor any other of the study, and no link in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.experiments import ids
from helpers.project import make, opened

NAMES = [
    "../x",
    "/etc/x",
    "a/b",
    "..",
    ".",
    "-x",
    "a\\\\b",
    "a\\0b",
    "a\\nb",
    "a b",
    "é",
    "x,y",
    "A",
    "",
    "~",
    "x" * 300,
]


CORPUS = "{title: T, domain: topic, source: {synthetic: {corpus: imdb}}}"
TABLE = "{kind: table, number: N, title: T, caption: C, section: S, columns: {imdb: IMDb}, rows: {a: {}}}"
SECTIONS = {
    "corpora": ("corpora:\n", "corpora:\n  NAME: " + CORPUS + "\n"),
    "texts": ("texts:\n", "texts:\n  NAME: {synthetic: {corpus: general}}\n"),
    "vocabularies": ("vocabularies:\n", "vocabularies:\n  NAME: {texts: [general], size: 500}\n"),
    "encoders": ("encoders:\n", "encoders:\n  NAME: {title: T, vocabulary: mini, folder: there, layers: 2}\n"),
    "mixes": ("artefacts:\n", "mixes: {NAME: {corpora: [imdb]}}\nartefacts:\n"),
    "multitask": ("artefacts:\n", "multitask: {NAME: {corpora: [imdb, trec]}}\nartefacts:\n"),
    "artefacts": ("artefacts:\n", "artefacts:\n  NAME: " + TABLE + "\n"),
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_name_of_a_study_is_no_path(tmp_path: Path, section: str) -> None:
    project = make(tmp_path)
    old, new = SECTIONS[section]
    before = (project / "studies/miniature.yaml").read_text()
    for name in NAMES:
        (project / "studies/miniature.yaml").write_text(before.replace(old, new.replace("NAME", f'"{name}"')))
        with pytest.raises(UserError, match=r"miniature\.yaml:\d+: .*(name|pattern|at most 30)|not valid YAML"):
            opened(project)
    (project / "studies/miniature.yaml").write_text(before.replace(old, new.replace("NAME", "fine-1")))
    opened(project)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "studies"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", ".", "a b", "-x", "a.sample250"])
def test_a_study_is_a_file_of_its_folder(tmp_path: Path, name: str) -> None:
    project = make(tmp_path)
    (project / "x.yaml").write_bytes((project / "studies/miniature.yaml").read_bytes())
    for own in ("a b", "-x", "a.sample250", "."):  # there, but no names
        (project / f"studies/{own}.yaml").write_bytes((project / "x.yaml").read_bytes())
    with pytest.raises(UserError, match=r"no study|a study's name is letters, digits, _ and -; rename the file"):
        opened(project, study=name)


@pytest.mark.parametrize(
    "text", ["../x", "a/b@10.s1", "mini~../x@10.s1", "mini~x@10.s1\n", "mini\0", "mini~mt-../x.s1"]
)
def test_an_encoder_id_is_one_part_of_a_path(text: str) -> None:
    with pytest.raises(UserError):
        ids.parse_encoder(text)


@pytest.mark.parametrize("text", ["../x", "lr=../x", "layers=../x", "truncation=/x", "save_model=\n"])
def test_a_recipe_id_is_one_part_of_a_path(text: str) -> None:
    with pytest.raises((UserError, ValueError)):
        ids.parse_recipe(text, Finetune())


def test_links_that_lead_out_of_the_results(tmp_path: Path) -> None:
    root, outside = tmp_path / "results/paper", tmp_path / "documents"
    (root / "runs/imdb").mkdir(parents=True)
    outside.mkdir()
    (root / "runs/other").symlink_to("imdb")  # within
    files.check_links(root)
    for place, target in (("corpora", outside), ("runs/imdb/mini", outside), ("claims.md", outside / "mine.txt")):
        (root / place).symlink_to(target)
        with pytest.raises(UserError) as caught:
            files.check_links(root)
        assert f"results/paper/{place}: this link leads out of the results, to {target}" in str(caught.value)
        (root / place).unlink()
    (tmp_path / "large").symlink_to(root)  # a study may lie on another disk as a whole
    files.check_links(tmp_path / "large")
    files.check_links(tmp_path / "none yet")
