"""The table of corpus statistics: lengths, ratios and counts by value."""

import json

import pandas as pd
import pyarrow as pa
import pytest
from test_error_table import ARTEFACT, FORMS, Page

from bertfit.artefacts import corpus_statistics
from bertfit.artefacts.corpus_statistics import CorpusFiles
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.core.errors import UserError
from bertfit.experiments.job_specs import CorpusColumn, StatisticsSpec


def write_tokens(path, lengths, pairs=None, names=("neg", "pos")):
    ids = pa.list_(pa.uint16())
    second = pairs or [None] * len(lengths)
    table = pa.table(
        {
            "input_ids": pa.array([list(range(n)) for n in lengths], ids),
            "pair_ids": pa.array([None if n is None else list(range(n)) for n in second], ids),
            "label": pa.array([0] * len(lengths), pa.int32()),
        }
    ).replace_schema_metadata({"label_names": json.dumps(names)})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return path


def write_card(path, **changes):
    """A card of a local corpus with the given entries."""
    facts = {
        "corpus": "c", "language": "en", "title": "C", "domain": "topic", "note": None, "licence": "", "sampled": None,
        "source": {"kind": "local", "files": {}}, "leaks_dropped": None, "fields": ["text"], "label_names": [],
        "splits": {}, "duplicates_in_train": 0, "test_texts_in_train": 0, "texts_of_several_labels": 0,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts | changes))
    return path


def statistics(folder, request, card=None, max_length=10, **changes):
    train = write_tokens(folder / "train.arrow", [3, 8, 10])
    test = write_tokens(folder / "test.arrow", [12])
    pairs = write_tokens(folder / "pairs.arrow", [3, 4, 9], [5, None, 0], names=("a", "b", "c"))
    corpora = {
        "imdb": CorpusColumn(title="IMDb", domain="sentiment", max_length=max_length),
        "yahoo": CorpusColumn(title="Y", domain="question", max_length=8),
        "sogou": CorpusColumn(title="Sogou", domain="topic", max_length=10, reason="on a drive"),
    }
    read = {
        "imdb": CorpusFiles(write_card(folder / "corpora/imdb/card.json", **card or {}), train, test),
        "yahoo": CorpusFiles(write_card(folder / "corpora/yahoo/card.json", stand_in=True), pairs, pairs),
    }
    columns = {"imdb": "IMDb", "yahoo": "Yahoo! Answers", "sogou": "Sogou News"}
    files = {form: folder / "tables" / f"table1.{form}" for form in FORMS}
    artefact = ARTEFACT.model_copy(update={"kind": "statistics", "columns": columns})
    corpus_statistics.build(
        StatisticsSpec(key="table1", artefact=artefact, study="s", comparable=False, corpora=corpora),
        corpora={name: paths._replace(**changes) for name, paths in read.items()},
        published=request.config.rootpath / "paper/published.csv",
        files=TableFiles(**files),
    )
    return {form: path.read_text(encoding="utf-8") for form, path in files.items()}


def test_statistics(tmp_path, request):
    made = statistics(tmp_path, request)
    frame = pd.read_csv(tmp_path / "tables/table1.csv", dtype=str, keep_default_na=False)
    assert list(frame) == ["row", "column", "value", "published", "agrees"]
    by_column = {column: list(part["value"]) for column, part in frame.groupby("column")}
    assert list(frame["row"].unique()) == list(corpus_statistics.DECIMALS)
    # (3 + 8 + 10 + 12) / 4; one of four is longer than 10
    assert by_column["IMDb"] == ["2", "Sentiment", "8.2", "12", "25.00", "3", "1"]
    # 8, 4, 9 twice; a pair counts both texts, so only 9 is longer than 8
    assert by_column["Yahoo! Answers"] == ["3", "Question", "7.0", "9", "33.33", "3", "3"]
    assert by_column["Sogou News"] == [""] * 7
    published = list(frame[frame["column"] == "Sogou News"]["published"])
    assert published == ["6", "Topic", "737", "47988", "46.23", "54000", "6000"]
    assert "| Max lengths | 12 (3045: −3033) | 9 (4018) | not available (47988) |" in made["md"]
    assert "| Type | Sentiment (= Sentiment) | Question (Question) | not available (Topic) |" in made["md"]
    assert "longer than 8, 10 word pieces" in made["md"] and "- Sogou News: not available; on a drive" in made["md"]
    page = Page(made["html"])
    assert page.links == ["../corpora/imdb/card.json", "../corpora/yahoo/card.json"]
    assert [value["scope"] for tag, value in page.tags if tag == "th"] == ["col"] * 3 + ["row"] * 7
    assert r" & IMDb & Yahoo! Answers & Sogou News \\" in made["tex"]
    assert statistics(tmp_path, request) == made


def agreement(folder, request, **given):
    """Row -> ``agrees`` of the column IMDb."""
    statistics(folder, request, **given)
    frame = pd.read_csv(folder / "tables/table1.csv", dtype=str, keep_default_na=False)
    assert set(frame[frame["column"] == "Yahoo! Answers"]["agrees"]) == {"not comparable"}
    assert set(frame[frame["column"] == "Sogou News"]["agrees"]) == {""}
    return frame[frame["column"] == "IMDb"].set_index("row")["agrees"].to_dict()


def test_each_cell_is_compared_with_the_published_one(tmp_path, request):
    limit = corpus_statistics.EXCEEDING
    agrees = agreement(tmp_path, request)
    assert [row for row, answer in agrees.items() if answer == "yes"] == ["Classes", "Type"]
    assert agrees[limit] == "not comparable" and agrees["Train samples"] == "no"  # another limit than the paper's
    assert agreement(tmp_path, request, max_length=512)[limit] == "no"


@pytest.mark.parametrize(
    "card",
    [
        {"stand_in": True},
        {"sampled": {"train": {"kept": 3, "of": 9}}},
        {"source": {"kind": "synthetic", "corpus": "imdb", "seed": 1}},
    ],
)
def test_what_is_not_the_papers_corpus_is_not_compared(tmp_path, request, card):
    assert set(agreement(tmp_path, request, card=card).values()) == {"not comparable"}


@pytest.mark.parametrize(
    ("value", "published", "agrees", "shown"),
    [
        (292.18, "292", "yes", "(= 292)"),
        (291.5001, "292", "yes", "(= 292)"),
        (291.4, "292", "no", "(292: −0.6)"),
        (12.688, "12.69", "yes", "(= 12.69)"),
        (12.684, "12.69", "no", "(12.69: −0.01)"),
        ("Topic", "Question", "no", "(Question: differs)"),
        (3.0, None, "", ""),
        (None, "6", "", "(6)"),
    ],
)
def test_agreement_to_the_printed_digits(value, published, agrees, shown):
    assert corpus_statistics.agreement(value, published, comparable=True) == agrees
    printed = "" if value is None else f"{value:.{2 if published == '12.69' else 1}f}" if value != "Topic" else value
    assert corpus_statistics.detail(printed, published or "", agrees) == shown


def test_statistics_of_a_broken_token_file(tmp_path, request):
    (tmp_path / "broken.arrow").write_bytes(b"ARROW1 but no more")
    with pytest.raises(UserError, match=r"broken.arrow: not a readable token file"):
        statistics(tmp_path, request, train=tmp_path / "broken.arrow")
    empty = write_tokens(tmp_path / "empty.arrow", [])
    with pytest.raises(UserError, match=r"empty.arrow: holds no samples"):
        statistics(tmp_path, request, test=empty)
