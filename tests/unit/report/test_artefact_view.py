"""Tables and figures on the page: which number stands where, what is bold, what each place links to."""

from __future__ import annotations

import base64

import pytest

from bertfit.core.errors import UserError
from bertfit.report import artefact_view
from bertfit.report.artefact_view import Place, ViewRow
from helpers.reportdata import SVG, make


@pytest.fixture
def shown(tmp_path):
    return {one.key: one for one in artefact_view.exhibits(make(tmp_path), tmp_path)}


def test_ours_interval_best_published_difference(shown):
    table = shown["table2"]
    assert table.parts == ["last epoch", "best epoch", "published", "difference"] and table.stacked
    (_, quoted), (name, ours) = table.groups
    assert name == "Run by this workflow" and [row.label for row in ours] == ["0", "further"]
    assert ours[0].places == [
        Place("62.50 ± 17.68", ("30.00 to 85.00",), False, "imdb/mini/default"),
        Place("60.00"),
        Place("5.40"),
        Place("+54.60"),
        Place("20.00", ("15.00 to 25.00",), False, "yelp/mini/truncation=tail"),  # one seed, and alone in its column
        Place("19.00"),
        Place("21.50"),
        Place("−2.50"),
        *[Place("–")] * 4,  # the row improved upon has no improvement
    ]
    assert ours[1].places[:5] == [
        Place("25.00 ± 1.00", ("20.00 to 40.00",), True, "imdb/mini~imdb@10.s1/default"),
        Place("24.00"), Place("–"), Place("–"),
        Place("not available", title="no corpus of the mix"),
    ]  # fmt: skip
    assert ours[1].places[-4:] == [Place("60.00"), Place("61.00"), Place("–"), Place("–")]
    assert [place.text for place in quoted[0].places[:8]] == ["", "", "5.50", "–", "", "", "–", "–"]
    assert table.columns == {"IMDb": "imdb", "Yelp": "yelp", "Avg.": None}
    assert table.notes[0].startswith(
        "Avg.: mean over the corpora that both rows have of (e - error) / e, where e is the error of 0."
    )
    assert table.notes[1:] == ["Yelp: not available; no corpus of the mix."]


def test_bold_is_the_lowest_and_what_its_interval_does_not_exclude(tmp_path):
    spec = make(tmp_path)
    rows = [("a", 10, 8, 13), ("b", 11, 9.5, 14), ("c", 12, 10.1, 15)]
    lines = [f"{row},IMDb,2,{mean},0,{low},{high},{mean},,,ok" for row, mean, low, high in rows]
    header = "row,column,n,mean,std,low,high,mean_best,published,delta_best,status"
    (tmp_path / "tables/table2.csv").write_text("\n".join([header, *lines]))
    table = {one.key: one for one in artefact_view.exhibits(spec, tmp_path)}["table2"]
    assert [row.label for row in table.groups[0][1] if row.places[0].bold] == ["a", "b"]


def test_no_difference_where_it_means_nothing(tmp_path):
    spec = make(tmp_path, comparable=False)
    table = {one.key: one for one in artefact_view.exhibits(spec, tmp_path)}["table2"]
    assert table.parts == ["last epoch", "best epoch", "published"] and len(table.groups[1][1][0].places) == 9


def test_statistics_and_losses(shown):
    ((_, rows),) = shown["table1"].groups
    assert rows == [
        ViewRow("Classes", [Place("2", ("published 2",)), Place("not available", ("published 6",))]),
        ViewRow("Type", [Place("Sentiment")]),
    ]
    assert shown["table1"].notes == ["Sogou: not available; on a drive."]
    ((_, rows),) = shown["forgetting"].groups
    assert rows == [ViewRow("IMDb", [Place("10"), Place("2.000"), Place("2.500"), Place("+0.500")], "mini~imdb@10.s1")]


def test_a_figure_is_a_picture_with_words_and_links(shown):
    figure = shown["figure2"]
    assert base64.b64decode(figure.picture.partition("base64,")[2]).decode() == SVG
    assert figure.picture.startswith("data:image/svg+xml;")
    assert figure.runs == [("1x at 10", "imdb/mini~imdb@10.s1/default")]
    assert figure.alt == "Figure 2: Curves. A caption. Lines or points: 1x at 10. Its numbers follow as CSV."
    assert base64.b64decode(figure.csv.partition("base64,")[2]).decode() == "line,step,mean\n1x,1,60\n"


@pytest.mark.parametrize("content", ["row,column\n0,IMDb\n", "", "row,column,mean\n0,IMDb,many\n"])
def test_a_file_that_is_not_the_artefacts(tmp_path, content):
    spec = make(tmp_path)
    (tmp_path / "tables/table2.csv").write_text(content)
    with pytest.raises(UserError, match="table2.csv: not the numbers of Table 2"):
        artefact_view.exhibits(spec, tmp_path)
