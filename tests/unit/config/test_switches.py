"""Values of --config: numbers, names, and keys that there are not."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
from pathlib import Path

import pytest

from bertfit.config import switches
from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from conftest import ROOT
from helpers.project import make, opened, summary
from helpers.project import switches as of_study


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


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
    assert chosen.chosen == ["figure2"] and summary(chosen) == summary(opened(project)), "runs are those of all"
    assert opened(project, sample=20).settings.study.sample == {"train": 20, "test": 20}
    assert {tuple(seeds) for seeds in opened(project, seeds=2).seeds.values()} == {(1, 2)}


@pytest.mark.parametrize(
    ("switch", "value", "message"),
    [("seeds", "abc", "seeds=abc"), ("seeds", 0, "seeds=0"), ("gpus", "x", "gpus=x"), ("sample", -3, "sample=-3")],
)
def test_numbers_of_switches_are_checked(project: Path, switch: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"--config {message}: give a whole number"):
        opened(project, **{switch: value})


@pytest.mark.parametrize(
    ("value", "seeds"),
    [
        ("4-6", [4, 5, 6]),
        ("5-5", [5]),
        ("1-2+7-8", [1, 2, 7, 8]),
        ("3-4+2-3", [2, 3, 4]),
        ("declared+9-9", [1, 2, 3, 4, 9]),
        ("declared", [1, 2, 3, 4]),
        (2, [1, 2]),
    ],
)
def test_seeds_are_a_number_or_ranges(project: Path, value: object, seeds: list[int]) -> None:
    """The study declares seeds 1 to 4."""
    assert {tuple(of_group) for of_group in opened(project, seeds=value).seeds.values()} == {tuple(seeds)}


@pytest.mark.parametrize("value", ["4-", "6-4", "1,2", "1-3,5", "-1-2", "a-b", "+", "", "1-2-3", "0x1-2", "10001"])
def test_other_seeds_are_refused(project: Path, value: str) -> None:
    with pytest.raises(UserError, match=f"seeds={re.escape(value)}: give a whole number, at least 1 and at"):
        opened(project, seeds=value)


@pytest.mark.parametrize("value", ["1-10001", "1-6000+7000-12000", "2147483647-2147483648", "1-9999999999"])
def test_seeds_have_limits(project: Path, value: str) -> None:
    with pytest.raises(UserError, match="give at most 10,000 seeds, each at most 2,147,483,647"):
        opened(project, seeds=value)


def test_contributors_have_a_name_on_one_line(project: Path) -> None:
    assert opened(project, contributor=" Group <A> ").settings.switches.contributor == "Group <A>"
    assert opened(project, contributor=["7"]).settings.switches.contributor == "7"
    assert opened(project).settings.switches.contributor is None
    for value in ("", None, "  ", "x" * 81, "two\nlines", "\u202egnp"):
        with pytest.raises(UserError, match="--config contributor=.*: give a name of at most 80 printable characters"):
            opened(project, contributor=value)


@pytest.mark.parametrize("key", ["study", "corpora", "artefacts", "contributor", "gpu_model", "encoder"])
@pytest.mark.parametrize(
    ("value", "read_as"),
    [(20231, "a number"), (1000.0, "a number"), (False, "yes or no"), (datetime.date(2024, 1, 2), "a date")],
)
def test_texts_that_yaml_altered_are_refused(project: Path, key: str, value: object, read_as: str) -> None:
    message = rf"--config {key}={value}: YAML read it as {read_as}, .*: '{key}=\[\"2023_1\"\]', or {key}: "
    with pytest.raises(UserError, match=message):
        opened(project, **{key: value})


def test_what_snakemake_makes_of_a_name(project: Path) -> None:
    from snakemake.cli import parse_config

    with pytest.raises(UserError, match="contributor=20231: YAML read it as a number"):
        opened(project, **parse_config(["contributor=2023_1"]))
    quoted = opened(project, **parse_config(['contributor=["2023_1"]']))
    assert quoted.settings.switches.contributor == "2023_1"


def test_a_data_folder_named_by_a_number_is_told(project: Path) -> None:
    with pytest.raises(UserError, match="data folder 20231: there is no such folder"):
        opened(project, data=20231)


def test_lists_of_names_are_joined(project: Path) -> None:
    assert opened(project, artefacts=["figure2", "table2"]).settings.switches.artefacts == ("figure2", "table2")
    assert opened(project, corpora=["trec", "imdb"]).settings.switches.corpora == ("trec", "imdb")
    assert opened(project, corpora=["imdb+trec"]).settings.switches.corpora == ("imdb", "trec")
    with pytest.raises(UserError, match="unknown name 'imbd'; did you mean 'imdb'"):
        opened(project, corpora=["trec", "imbd"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seeds", [1, 2, 5], r"seeds=\[1, 2, 5\]: write 1-2\+5-5, not a list"),
        ("seeds", ["3"], r"seeds=\['3'\]: write 3-3, not a list"),
        ("seeds", ["4-6", 7], "seeds=.*: write 1-2, not a list"),
        ("seeds", {"a": 1}, "seeds=.*: write 1-2, not a map"),
        ("seeds", [], "seeds=.*: write 1-2, not a list"),
        ("corpora", [], "corpora=.*: give names joined by ., or a list of names; for all leave it out"),
        ("artefacts", ["table2", 3], "artefacts=.*: give names joined by ., or a list of names"),
        ("artefacts", {"table2": None}, "artefacts=.*: give names joined by ., or a list of names"),
        ("gpus", [1], r"gpus=\[1\]: give one value .gpus: VALUE in config.yaml., not a list"),
        ("contributor", ["a", "b"], "contributor=.*: give one value .contributor: VALUE in config.yaml., not a list"),
        ("sample", {"train": 9}, "sample=.*: give one value .sample: VALUE in config.yaml., not a map"),
    ],
)
def test_other_lists_are_refused(project: Path, key: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=f"--config {message}"):
        opened(project, **{key: value})


def test_throughput_is_a_number(project: Path) -> None:
    assert (
        opened(project, throughput="120.5").settings.switches.throughput == 120.5
        and opened(project).settings.switches.throughput is None
    )
    with pytest.raises(UserError, match="--config throughput=fast: give a number above 0"):
        opened(project, throughput="fast")


@pytest.mark.parametrize("value", ["0/4", "5/4", "a/b", "1/0", "2", "1/2/3", "-1/2", "1.5/2", "", None, "01/2"])
def test_a_shard_is_a_part_and_a_number_of_parts(project: Path, value: str | None) -> None:
    """Snakemake reads an empty value as None."""
    with pytest.raises(
        UserError, match=f"--config shard={value or ''}: give a part, counted from 1, and the number of parts, "
    ):
        opened(project, shard=value)


def test_shards(project: Path) -> None:
    assert opened(project, shard="2/4").settings.switches.shard == (2, 4)
    assert opened(project, shard="10/10").settings.switches.shard == (10, 10)
    assert summary(opened(project, shard="1/2")) == summary(opened(project)), "runs are those of all"


def test_time_of_a_step_goes_with_a_throughput(project: Path) -> None:
    assert opened(project, throughput=200, step_ms="5.5").settings.switches.step_ms == 5.5
    assert opened(project, throughput=200).settings.switches.step_ms is None
    with pytest.raises(UserError, match="--config step_ms=5: give throughput=..., too, or neither"):
        opened(project, step_ms=5)


def test_values_by_hand() -> None:
    read = switches.read({"study": "s", "corpora": "imdb+trec ag", "sample": 20, "seeds": "3", "throughput": "2.5"})
    assert (read.study, read.corpora, read.sample, read.seeds) == ("s", ("imdb", "trec", "ag"), 20, 3)
    assert (read.throughput, read.whole_corpora, read.own_data) == (2.5, False, {})
    nothing = switches.read({})
    assert (nothing.study, nothing.corpora, nothing.sample, nothing.gpus, nothing.jobs_per_gpu) == (
        None,
        (),
        None,
        None,
        1,
    )
    assert nothing.shard is None
    assert switches.read({"gpus": 0}).gpus == 0, "none is not the default"
    every = switches.read({"sample": "none", "text": "review"})
    assert (every.whole_corpora, every.sample, every.own_data) == (True, None, {"text": "review"})


def test_your_own_dataset_is_one_part() -> None:
    with pytest.raises(UserError, match="--config shard=...: your own dataset is one part; run it without shard"):
        open_registry(of_study("example") | {"shard": "1/2"}, ROOT)


@pytest.mark.parametrize(
    "value",
    [
        "2023_1", "1e3", "True", "no", "folder #1/texts.csv", "Q1: overall", "[a]", "{a}", "it's", 'say "hi"',
        "C:\\texts\\new.csv", "cost $b (a, b)", "'quoted'", "é 😀", "- x", "*", "~/a.csv", "a=b", "0",
    ],
)  # fmt: skip
def test_make_passes_values_as_they_are_typed(tmp_path: Path, value: str) -> None:
    """Through make, the shell and Snakemake's own reading of --config, to the value that the workflow gets."""
    from snakemake.cli import parse_config

    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "snakemake").write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$ARGUMENTS"\n')
    (commands / "snakemake").chmod(0o755)
    for marker in ("installed", "installed-encoder", "installed-classify"):
        (tmp_path / marker).touch()  # newer than the pinned versions: nothing is installed
    written = tmp_path / "arguments"
    subprocess.run(
        ["make", "--quiet", "classify", f"VENV={tmp_path}", "DATA=a.csv", "TEXT=text", f"LABEL={value}"],
        cwd=ROOT, env=os.environ | {"ARGUMENTS": str(written)}, check=True,
    )  # fmt: skip
    _, _, *given = written.read_text(encoding="utf-8").rstrip("\0").split("\0")
    assert switches.as_typed(parse_config(given)) == {
        "study": "example",
        "data": "a.csv",
        "text": "text",
        "label": value,
    }


def test_a_study_of_ones_own(project: Path, tmp_path: Path) -> None:
    """It is given by its path, extends what is beside it or shipped, and has a name that no shipped study has."""
    mine = tmp_path / "elsewhere" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text("extends: base\nseeds: [7]\n")
    base = mine.with_name("base.yaml")
    base.write_text("extends: miniature\ntitle: Base\n")
    registry = opened(project, study=str(mine))
    assert registry.root == "results/mine" and registry.settings.study.title == "Base"
    assert registry.settings.study.seeds == [7] and registry.settings.own_studies == (mine, base)
    assert opened(project).settings.own_studies == ()
    for content, message in (
        ("extends: mine\n", "extend each other in a circle: mine -> base -> mine"),
        ("extends: miniatur\n", "base.yaml: extends 'miniatur', and there is no study.*did you mean 'miniature'"),
    ):
        base.write_text(content)
        with pytest.raises(UserError, match=message):
            opened(project, study=str(mine))
    for there in (False, True):
        if there:
            mine.with_suffix(".yml").write_bytes(mine.read_bytes())
        with pytest.raises(UserError, match="mine.yml: the file of a study ends in .yaml; rename it to mine.yaml"):
            opened(project, study=str(mine.with_suffix(".yml")))
    with pytest.raises(UserError, match="there is no such file; give the path of a study"):
        opened(project, study=str(mine.with_name("yours.yaml")))
    for name, message in (("miniature", "another study of this name"), ("a b", "letters, digits, _ and -")):
        mine.rename(mine.with_name(f"{name}.yaml"))
        with pytest.raises(UserError, match=message):
            opened(project, study=str(mine.with_name(f"{name}.yaml")))
        mine.with_name(f"{name}.yaml").rename(mine)
    assert opened(project, study=str(project / "studies/miniature.yaml")).settings.own_studies == ()
