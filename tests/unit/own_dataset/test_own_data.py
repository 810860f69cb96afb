"""Your own dataset: the study that the switches give, and the sizes chosen for a file and a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.registry import Registry, open_registry
from bertfit.own_dataset import own_data
from bertfit.own_dataset.own_data import FileSummary
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT
from helpers import project


def opened(**more: object) -> Registry:
    return open_registry(project.switches("example") | more, ROOT)


def test_words_are_counted_as_pieces(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('t\nshort words\nunbelievably long!\n"漢字, ok"\n')
    assert own_data.inspect_file(path, "t") == FileSummary([2, 4, 4], 3)


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
    assert registry.available_texts("texts_further") == ["texts", "unlabelled"]
    assert jobs.text_files("unlabelled", "train") == [str(folder / "more.csv")]
    base = registry.settings.study.encoders["base"]
    assert (base.folder, base.depth, base.package, base.licence) == (str(folder), 2, None, None)
    assert registry.default.lr == opened().default.lr == 1e-4, "two layers are as few as those of the study's encoder"
    (folder / "config.json").write_text(json.dumps({"num_hidden_layers": 12, "hidden_size": 768}))
    assert opened(encoder=str(folder)).default.lr == 2e-5, "the paper's rate, for an encoder of BERT-base's size"


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


def test_labels_of_a_text_are_separated_or_lists(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars\ngood,a;b\nbad,\n")
    local = opened(data=str(path), multilabel=";").corpus("texts").source.local
    assert local and local.multilabel == ";"
    lists = tmp_path / "lists.jsonl"
    lists.write_text('{"review": "good", "stars": ["a", "b"]}\n{"review": "bad", "stars": []}\n')
    local = opened(data=str(lists), multilabel="json").corpus("texts").source.local
    assert local and local.multilabel == "json"
    (tmp_path / "test.jsonl").write_text('{"review": "good", "labels": ["a"]}\n{"review": "fine", "labels": []}\n')
    with pytest.raises(UserError, match=r"test\.jsonl: no column 'stars'"):
        opened(data=str(lists), test=str(tmp_path / "test.jsonl"), multilabel=";")


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
        ({"group": ""}, r"group=: no name of a column; the columns of .* are review, stars"),
        ({"label": "review"}, r"text=review and label=review: one column for both; name two"),
        ({"group": ["stars"]}, r"label=stars and group=stars: one column for both"),
        ({"data": "x" * 300}, r"cannot be read \(File name too long\)"),
        ({"unlabelled": __file__}, r"unlabelled=.*: unknown ending '\.py'; give one of \.csv, .*, \.txt"),
        ({"encoder": "bert"}, r"encoder=bert: neither a folder with config\.json nor the id of a model of the hub"),
        ({"encoder": "roberta-base"}, r"neither .*encoders of these families can be used: BERT, .* and MPNet"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_any_job(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        opened(**changes)


ROWS = "".join(f"text number {number},{number % 2},u{number}\n" for number in range(40))


def of_csv(path: Path, header: str, **switches: object) -> Registry:
    path.write_text(header + ROWS)
    return opened(data=str(path), **switches)


@pytest.mark.parametrize(
    ("header", "given", "read"),
    [
        ("text,2023_1,u\n", {"text": "text", "label": ["2023_1"]}, ({"text": "text"}, "2023_1")),
        ("a #1,Q1: overall,u\n", {"text": ["a #1"], "label": ["Q1: overall"]}, ({"text": "a #1"}, "Q1: overall")),
        ("text,2023,u\n", {"text": "text", "label": 2023}, ({"text": "text"}, "2023")),
        ("text,True,u\n", {"text": "text", "label": True}, ({"text": "text"}, "True")),
        ("0,1,2\n", {"text": 0, "label": 1}, ({"text": "0"}, "1")),
        ("", {"text": 0, "label": 1}, ({"text": 0}, 1)),
        ("", {"text": ["0"], "label": ["1"]}, ({"text": 0}, 1)),
        ("E\u0301t,l,u\n", {"text": "\u00c9t", "label": "l"}, ({"text": "\u00c9t"}, "l")),
    ],
    ids=str,
)
def test_columns_are_those_that_were_typed(tmp_path: Path, header: str, given: dict, read: tuple) -> None:
    """Names that Snakemake would read otherwise arrive as a list of one; numbers are names of a header first."""
    local = of_csv(tmp_path / "a.csv", header, **given).corpus("texts").source.local
    assert local and (local.columns, local.label) == read


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            20231,
            r"label=20231: .* no column '20231'; did you mean '2023_1'\?.*Snakemake has read the value as 20231: make",
        ),
        (
            {"Q1": "overall"},
            r"no column .*the columns are text, 2023_1, Q #1; Snakemake has read the value as \{'Q1': ",
        ),
        ("Q", r"the columns are text, 2023_1, Q #1; Snakemake has read the value as 'Q' and a comment after it"),
        ("2023", r"did you mean '2023_1'\?; the columns are text, 2023_1, Q #1$"),
    ],
    ids=str,
)
def test_a_column_that_snakemake_read_otherwise_is_explained(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        of_csv(tmp_path / "a.csv", "text,2023_1,Q #1\n", text="text", label=value)


def test_a_path_that_snakemake_cut_is_explained(tmp_path: Path) -> None:
    (tmp_path / "texts #1.csv").touch()
    with pytest.raises(UserError, match=r"no such file; .* and a comment after it: make .* --config 'data=\["):
        opened(data=str(tmp_path / "texts"))
    with pytest.raises(
        UserError, match=r"data=1000.0: there is no such file; .*Snakemake has read the value as 1000\.0"
    ):
        opened(data=1000.0)


def test_every_row_of_a_small_file_is_counted_once(tmp_path: Path) -> None:
    """Cells with line ends are rows of one, in a file of fewer rows than are sampled and in a larger one."""
    for rows in (40, 1500):
        flat, wrapped = tmp_path / "flat.csv", tmp_path / "wrapped.csv"
        flat.write_text("t,l\n" + "".join(f'"a b c d {row}",{row % 2}\n' for row in range(rows)))
        wrapped.write_text("t,l\n" + "".join(f'"a\nb\nc\nd {row}",{row % 2}\n' for row in range(rows)))
        assert own_data.inspect_file(flat, "t") == own_data.inspect_file(wrapped, "t")
        assert own_data.inspect_file(flat, "t").rows == rows
        flat.write_text(flat.read_text().removeprefix("t,l\n"))
        assert own_data.inspect_file(flat, 0).rows == rows, "without a header"


def test_documents_of_a_text_file_count_as_rows_of_a_table(tmp_path: Path) -> None:
    table, text = tmp_path / "a.csv", tmp_path / "a.txt"
    table.write_text("t\n" + "One. Two.\n" * 30)
    text.write_text("\n\n" + "One.\nTwo.\n \n\n" * 29 + "One.\nTwo.")
    assert own_data.count_documents(text, "t") == own_data.count_documents(table, "t") == 30
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"unlabelled=.*no text in it; give at least one document"):
        own_data.count_documents(tmp_path / "blank.txt", "t")
    steps = [opened(unlabelled=str(path), text=["review"], gpus=1).settings.study.pretrain["steps"] for path in (text,)]
    assert steps == [4 * (40 + 30)], "four passes of 40 reviews and 30 documents, a step each"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "gpt2", "n_layer": 6}, r"model_type is 'gpt2'; encoders of these families can be used"),
        ({"model_type": "roberta", "num_hidden_layers": 12, "is_decoder": True}, r"is_decoder is true"),
        ({"model_type": "bert"}, r"does not give num_hidden_layers"),
    ],
    ids=str,
)
def test_encoders_of_other_families_are_refused_at_once(tmp_path: Path, config: dict, message: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=rf"^encoder=.*{message}"):
        opened(encoder=str(tmp_path))


def test_sequences_are_no_longer_than_the_positions_of_the_encoder(tmp_path: Path) -> None:
    """A text of 200 words, and an encoder of 64 positions."""
    config = {"model_type": "bert", "num_hidden_layers": 2, "max_position_embeddings": 64}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "long.csv").write_text("review,stars\n" + "".join(f"{'word ' * 200},{row % 2}\n" for row in range(9)))
    study = opened(data=str(tmp_path / "long.csv"), encoder=str(tmp_path), gpus=0).settings.study
    assert (study.finetune["max_length"], study.finetune["head_tokens"], study.pretrain["max_length"]) == (64, 15, 64)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("reviews.csv", "Reviews!.tsv", True),
        ("отзывы.csv", "レビュー.csv", False),
        ("отзывы 1.csv", "レビュー 1.csv", False),
        ("E\u0301tude ß.csv", "\u00c9tude ß.csv", True),
        ("Meine Bücher.csv", "meine-bucher.csv", True),
    ],
)
def test_names_of_results(one: str, other: str, same: bool) -> None:
    """Names of the same ASCII letters are told apart by the owner of the folder (`results_owner`)."""
    assert (own_data.results_name(Path(one)) == own_data.results_name(Path(other))) is same
    assert own_data.results_name(Path("reviews.csv")) == "reviews"
    assert own_data.results_name(Path("Meine Bücher.csv")) == "meine-bucher"
    assert own_data.results_name(Path("отзывы.csv")).startswith("texts-")


def test_a_test_file_has_more_than_one_text(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("review,stars\ngood,1\ngood,1\n")
    with pytest.raises(
        UserError, match=r"test=.*fewer than two distinct texts, and an interval of the error needs two"
    ):
        opened(test=str(tmp_path / "test.csv"))


def test_braces_are_refused(tmp_path: Path) -> None:
    (tmp_path / "{a}.csv").write_text("t,l\nx,1\n")
    with pytest.raises(UserError, match="braces .* rename"):
        opened(data=str(tmp_path / "{a}.csv"), text="t", label="l")


def test_other_studies_know_no_columns() -> None:
    with pytest.raises(UserError, match=r"text=\.\.\.: is for your own dataset; add study=example"):
        open_registry({"study": "miniature", "text": "review"}, ROOT)
