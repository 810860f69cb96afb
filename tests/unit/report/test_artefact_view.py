"""Tables and figures on the page: which number stands where, what is bold, what each place links to."""

from __future__ import annotations

import base64

import pytest

from bertfit.artefacts import corpus_statistics
from bertfit.artefacts.table_rendering import GridCell, GridRow
from bertfit.core.errors import UserError
from bertfit.report import artefact_view
from helpers.reportdata import SVG, make


@pytest.fixture
def shown(tmp_path):
    return {artefact.key: artefact for artefact in artefact_view.artefacts(make(tmp_path), tmp_path)}


def test_ours_interval_best_published_difference(shown):
    table = shown["table2"].table
    assert table.parts == ["last epoch", "best epoch", "published", "difference"] and table.stacked
    (_, quoted), (name, ours) = table.groups
    assert name == "Run by this workflow" and [row.label for row in ours] == ["0", "further"]
    assert ours[0].cells == [
        GridCell("62.50 ± 17.68", False, "[30.00, 85.00]", ("#run/imdb/mini/default",)),
        GridCell("60.00"),
        GridCell("5.40"),
        GridCell("+54.60*", detail="[+52.10, +57.10]"),  # seeds do not explain it
        GridCell(
            "20.00", False, "[15.00, 25.00]", ("#run/yelp/mini/truncation=tail",)
        ),  # one seed, and alone in its column
        GridCell("19.00"),
        GridCell("21.50"),
        GridCell("−2.50", detail="(one seed)"),
        *[GridCell("–")] * 4,  # the row improved upon has no improvement
    ]
    assert ours[1].cells[:5] == [
        GridCell("25.00 ± 1.00", True, "[20.00, 40.00]", ("#run/imdb/mini~imdb@10.s1/default",)),
        GridCell("24.00"), GridCell("24.50"), GridCell("−0.50", detail="[−1.50, +0.50]"),
        GridCell("not available", tooltip="no corpus of the mix"),
    ]  # fmt: skip
    assert ours[1].cells[-4:] == [GridCell("60.00"), GridCell("61.00"), GridCell("–"), GridCell("–")]
    assert [cell.text for cell in quoted[0].cells[:8]] == ["", "", "5.50", "–", "", "", "–", "–"]
    assert table.columns == {"IMDb": "#corpus-imdb", "Yelp": "#corpus-yelp", "Avg.": ""}
    assert (
        shown["table2"]
        .notes[0]
        .startswith("Avg.: mean over the corpora that both rows have of (e - error) / e, where e is the error of 0.")
    )
    assert shown["table2"].notes[1:] == ["Yelp: not available; no corpus of the mix."]


def test_bold_is_the_lowest_and_what_is_not_shown_to_be_worse(tmp_path):
    spec = make(tmp_path)
    rows = [("a", 10, 0, 1), ("b", 11, 0, 0.05), ("c", 12, 0, 0.04), ("d", 28, 1, 0.4)]  # mean, failed runs, p
    lines = [f"{row},IMDb,2,{mean},0,5,80,{mean},{failed},{p},,,,,,ok" for row, mean, failed, p in rows]
    header = "row,column,n,mean,std,low,high,mean_best,failed,p_lowest,published,"
    header += "delta_best,delta_low,delta_high,agrees,status"
    (tmp_path / "tables/table2.csv").write_text("\n".join([header, *lines]))
    (table,) = (artefact.table for artefact in artefact_view.artefacts(spec, tmp_path) if artefact.key == "table2")
    assert [row.label for row in table.rows if row.cells[0].bold] == ["a", "b"]


def test_no_difference_where_it_means_nothing(tmp_path):
    spec = make(tmp_path, comparable=False)
    (table,) = (artefact.table for artefact in artefact_view.artefacts(spec, tmp_path) if artefact.key == "table2")
    assert table.parts == ["last epoch", "best epoch", "published"] and {len(row.cells) for row in table.rows} == {9}


def test_statistics_and_losses(shown):
    assert shown["table1"].table.rows == [
        GridRow("Classes", [GridCell("2", detail="(= 2)"), GridCell("not available", detail="(6)")]),
        GridRow("Type", [GridCell("Sentiment")]),
    ]
    assert shown["table1"].notes == [corpus_statistics.LEGEND, "Sogou: not available; on a drive."]
    cells = [GridCell(text) for text in ("10", "2.000", "2.500", "+0.500")]
    assert shown["forgetting"].table.rows == [GridRow("IMDb", cells, link="#encoder/mini~imdb@10.s1")]


def test_a_figure_is_a_picture_with_words_and_links(shown):
    figure = shown["figure2"].figure
    assert base64.b64decode(figure.source.partition("base64,")[2]).decode() == SVG
    assert figure.source.startswith("data:image/svg+xml;")
    assert figure.runs == [("1x at 10", "imdb/mini~imdb@10.s1/default")]
    assert figure.alt == "Figure 2: Curves. A caption. Lines or points: 1x at 10. Its numbers follow as CSV."
    assert base64.b64decode(shown["figure2"].csv.partition("base64,")[2]).decode() == "line,step,mean\n1x,1,60\n"


@pytest.mark.parametrize("content", ["row,column\n0,IMDb\n", "", "row,column,mean\n0,IMDb,many\n"])
def test_a_file_that_is_not_the_artefacts(tmp_path, content):
    spec = make(tmp_path)
    (tmp_path / "tables/table2.csv").write_text(content)
    with pytest.raises(UserError, match="table2.csv: not the numbers of Table 2"):
        artefact_view.artefacts(spec, tmp_path)
