"""Your own dataset: the study that the switches give, and the sizes chosen for a file and a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.config import own_data
from bertfit.config.own_data import FileSummary
from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry, open_registry
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project

STUDY = {"finetune": {"epochs": 4}, "pretrain": {"batch_size": 32}}


def opened(**more: object) -> Registry:
    return open_registry(project.switches("example") | more, ROOT)


def test_sizes_by_hand() -> None:
    """Lengths 10 to 109: 95 % have at most 105, with [CLS] and [SEP] 107, which is cut at 112."""
    summary = FileSummary(list(range(10, 110)), 1000)
    finetune, pretrain = own_data.sizes(summary, 1000, STUDY, pieces=100_000)
    assert finetune == {"max_length": 112, "head_tokens": 27, "epochs": 1.6}  # 100,000 / (1,000 x 61.5)
    assert pretrain == {"max_length": 112, "steps": 27}  # 100,000 / (32 x 112)
    finetune, pretrain = own_data.sizes(summary, 1000, STUDY, pieces=None)
    assert finetune["epochs"] == 4 and pretrain["steps"] == 4000, "four passes of 32: as often as the paper read IMDb"
    long = FileSummary([2000] * 9, 25_000)
    assert own_data.sizes(long, 25_000, STUDY, pieces=None)[0]["max_length"] == 512
    assert own_data.sizes(long, 25_000, STUDY, pieces=None)[1] == {"max_length": 128, "steps": 100_000}
    assert own_data.sizes(long, 25_000, STUDY, pieces=100_000)[0] == {
        "max_length": 128, "head_tokens": 31, "epochs": 0.031
    }  # fmt: skip
    assert own_data.sizes(FileSummary([1], 1), 1, STUDY, pieces=100_000)[0]["max_length"] == 32


def test_words_are_counted_as_pieces(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('t\nshort words\nunbelievably long!\n"漢字, ok"\n')
    assert own_data.inspect_file(path, "t") == FileSummary([2, 4, 4], 4)


def test_the_switches_describe_the_corpus(tmp_path: Path) -> None:
    """A path with spaces, signs and umlauts; a test file; texts without labels; an encoder's folder."""
    folder = tmp_path / "müllers = Büro, 2"
    folder.mkdir()
    for name in ("Meine Bücher.csv", "test.csv", "more.csv"):
        (folder / name).write_text(project.REVIEWS.read_text())
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": 2}))
    registry = opened(
        data=str(folder / "Meine Bücher.csv"),
        test=str(folder / "test.csv"),
        unlabelled=str(folder / "more.csv"),
        encoder=str(folder),
    )
    assert registry.root == "results/example.meine-bucher"
    local = registry.corpus("texts").source.local
    assert local and (local.columns, local.label, local.licence) == ({"text": "review"}, "stars", "yours")
    jobs = TrainingJobs(registry)
    assert jobs.corpus_files("texts") == {"train": str(folder / "Meine Bücher.csv"), "test": str(folder / "test.csv")}
    assert registry.available_texts("further") == ["texts", "unlabelled"]
    assert jobs.text_files("unlabelled", "train") == [str(folder / "more.csv")]
    base = registry.settings.study.encoders["base"]
    assert (base.folder, base.depth, base.package, base.licence) == (str(folder), 2, None, None)
    assert registry.default.lr == 2e-5, "the paper's rate, where the encoder is not the study's small one"
    assert opened().default.lr == 1e-4


def test_a_group_column_is_that_of_the_corpus(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars,user\ngood,1,a\nbad,0,b\n")
    local = opened(data=str(path), group="user").corpus("texts").source.local
    assert local and local.group == "user"
    without = opened(data=str(path)).corpus("texts").source.local
    assert without and without.group is None


def test_a_column_of_times_is_read_in_the_data_alone(tmp_path: Path) -> None:
    for name, column in (("reviews.csv", "day"), ("test.csv", "date")):
        (tmp_path / name).write_text(f"review,stars,{column}\ngood,1,2019-05-03\nbad,0,2019-05-04\n")
    given = {"data": str(tmp_path / "reviews.csv"), "time": "day"}
    for more in ({}, {"test": str(tmp_path / "test.csv")}):
        local = opened(**given, **more).corpus("texts").source.local
        assert local and local.time == "day"
    with pytest.raises(UserError, match=r"reviews\.csv: no column 'date'"):
        opened(**given | {"time": "date"})


def test_an_encoder_of_the_hub_is_the_one_that_a_study_pins() -> None:
    base = opened(encoder="google-bert/bert-base-uncased").settings.study.encoders["base"]
    assert (base.revision, base.layers, base.package) == ("86b5e0934494bd15c9632b12f734a8a67f723594", 12, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, r"data=\.\.\. is not given; .* make classify DATA=reviews\.csv TEXT=review LABEL=stars"),
        ({"label": None}, r"label=\.\.\. is not given"),
        ({"data": "/no/such.csv"}, r"data=/no/such\.csv: there is no such file; correct"),
        ({"data": str(ROOT)}, r"no such file, but a folder"),
        ({"test": "/no/such.csv"}, r"test=/no/such\.csv"),
        ({"text": "reviews"}, r"reviews\.csv: no column 'reviews'; did you mean 'review'"),
        ({"group": "user"}, r"reviews\.csv: no column 'user'; the columns are"),
        ({"group": ""}, r"group=: not read as a column's name"),
        ({"encoder": "bert"}, r"encoder=bert: neither a folder with config\.json nor one of google-bert"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_any_job(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        opened(**changes)


def test_braces_are_refused(tmp_path: Path) -> None:
    (tmp_path / "{a}.csv").write_text("t,l\nx,1\n")
    with pytest.raises(UserError, match="braces .* rename"):
        opened(data=str(tmp_path / "{a}.csv"), text="t", label="l")


def test_other_studies_know_no_columns() -> None:
    with pytest.raises(UserError, match=r"text=\.\.\.: is for your own dataset; add study=example"):
        open_registry({"study": "miniature", "text": "review"}, ROOT)
