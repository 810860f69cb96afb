"""A table with earlier systems, a baseline, an average and many columns, as Table 6 is."""

import re

import pandas as pd
import pytest
from test_error_table import Page

from bertfit.artefacts import average_improvement, error_table, table_rendering
from bertfit.artefacts.table_rendering import Grid, GridCell, GridRow, TableFiles
from bertfit.config.study_schema import Artefact
from bertfit.evaluation import results_file
from bertfit.experiments.job_specs import CellSpec, CellsSpec
from conftest import ROOT
from helpers import madeup

FORMS = ("csv", "md", "tex", "html")
COLUMNS = {"imdb": "IMDb", "trec": "TREC", "ag": "AG", "sogou": "Sogou"}
AVERAGE = "Avg. delta (%)"
QUOTED = "ULMFiT (Howard and Ruder, 2018)"
# wrong of 1,000 at the last epoch, per corpus and seed; one fewer at the best epoch
ERRORS = {
    "BERT-Feat": {"imdb": (100, 100), "trec": (50, 50), "ag": (80, 80), "sogou": (40, 40)},
    "BERT-FiT": {"imdb": (88, 92), "trec": (30, 50), "ag": (80, 80), "sogou": (30, 30)},
    "BERT-IDPT-FiT": {"imdb": (79, 81), "trec": (25, 25), "ag": (60, 60)},
}
ARTEFACT = Artefact(
    kind="table",
    number="Table 6",
    title="Earlier systems",
    caption="Errors.",
    section="5.4.3",
    columns=COLUMNS,
    rows={QUOTED: {"quoted": True}, "Counts": {"baseline": "tfidf"}} | {row: {} for row in ERRORS},
    average={"over": "BERT-Feat", "title": AVERAGE},
)


def cells(columns=COLUMNS):
    for row in ARTEFACT.rows:
        for corpus, column in columns.items():
            cell = {
                "row": row,
                "column": column,
                "corpus": corpus,
                "encoder": row,
                "recipe": "default",
                "seeds": [1, 2],
            }
            cell |= {"status": "ok", "reason": "", "runs": [f"../runs/{corpus}/{row}"]}
            if row == QUOTED:
                cell |= {"status": "quoted", "encoder": None, "recipe": None, "seeds": [], "runs": []}
            elif row == "Counts":
                cell |= {"encoder": "tfidf", "seeds": [1]}
            elif corpus not in ERRORS[row]:
                cell |= {"status": "not applicable", "reason": "no other Chinese corpus", "encoder": None, "runs": []}
            yield CellSpec(**cell)


def build(folder, comparable=True, columns=COLUMNS):
    runs = {(corpus, "tfidf", "default"): [(120, 120)] for corpus in COLUMNS}
    for row, line in ERRORS.items():
        for corpus, counts in line.items():
            runs[corpus, row, "default"] = [(wrong, wrong - 1) for wrong in counts]
    folder.mkdir(exist_ok=True)
    results = folder / "results.parquet"
    madeup.results(results, runs, 1000)
    files = {form: folder / f"table6.{form}" for form in FORMS}
    error_table.build(
        CellsSpec(key="table6", artefact=ARTEFACT, study="s", comparable=comparable, cells=list(cells(columns))),
        results=results,
        published=ROOT / "paper/published.csv",
        files=TableFiles(**files),
    )
    return {form: path.read_text(encoding="utf-8") for form, path in files.items()}


def read(folder):
    return pd.read_csv(folder / "table6.csv").set_index(["row", "column"])


def test_quoted_rows_have_the_published_number_alone(tmp_path):
    made = build(tmp_path)
    frame = read(tmp_path)
    quoted = frame.loc[QUOTED]
    assert set(quoted["status"]) == {"quoted"} and list(quoted.index) == [*COLUMNS.values(), AVERAGE]
    assert quoted.loc["IMDb", "published"] == 4.6 and quoted.loc["AG", "published"] == 5.01
    assert quoted.drop(columns=["published", "status"]).isna().all().all()
    lines = made["md"].splitlines()
    place = next(index for index, line in enumerate(lines) if QUOTED in line)
    assert lines[place] == f"| {QUOTED} | published 4.60 | published 3.60 | published 5.01 | – | – |"
    assert lines[place - 1].startswith(f"| *{error_table.QUOTED}* |") and lines[place + 1].startswith(
        f"| *{error_table.RUN}* |"
    )
    for form in ("tex", "html"):
        groups = [made[form].index(text) for text in (error_table.QUOTED, QUOTED, error_table.RUN, "Counts")]
        assert groups == sorted(groups)
    assert not [link for link in Page(made["html"]).links if "ULMFiT" in link]


def test_average(tmp_path):
    build(tmp_path)
    frame = read(tmp_path).xs(AVERAGE, level="column")
    # (10 + 20 + 0 + 25) / 4 and, one error fewer, (10/99 + 10/49 + 0 + 10/39) / 4
    fit = frame.loc["BERT-FiT"]
    assert fit["mean"] == 13.75 and fit["mean_best"] == round(25 * (10 / 99 + 10 / 49 + 10 / 39), 4)
    assert fit["published"] == 9.22 and fit["status"] == "ok"
    assert frame.loc["BERT-IDPT-FiT", "mean"] == round((20 + 50 + 25) / 3, 4)
    assert frame.loc["Counts", "mean"] == (-20 - 140 - 50 - 200) / 4  # a row may be worse
    assert frame.loc["BERT-Feat", "status"] == "not applicable" and pd.isna(frame.loc["BERT-Feat", "mean"])
    assert frame[["n", "std", "low", "high"]].isna().all().all()
    # the paper's go over eight and seven corpora, ours over four and three
    assert frame["delta_best"].isna().all()


def test_average_is_compared_where_it_goes_over_the_papers_corpora(tmp_path, monkeypatch):
    paper = {key: value for key, value in results_file.published(ROOT / "paper/published.csv", "table6").items()
             if key[1] in (*COLUMNS.values(), AVERAGE)}  # fmt: skip
    monkeypatch.setattr(error_table, "published_values", lambda path, key: paper)
    build(tmp_path)
    frame = read(tmp_path).xs(AVERAGE, level="column")
    assert frame.loc["BERT-FiT", "delta_best"] == pytest.approx(frame.loc["BERT-FiT", "mean_best"] - 9.22, abs=1e-4)
    assert frame.loc["BERT-IDPT-FiT", "delta_best"] == pytest.approx(
        frame.loc["BERT-IDPT-FiT", "mean_best"] - 18.57, abs=1e-4
    )
    assert average_improvement.published(paper, "BERT-Feat", "BERT-IDPT-FiT").columns == ("IMDb", "TREC", "AG")
    build(tmp_path, comparable=False)
    assert read(tmp_path)["delta_best"].isna().all()


def test_average_for_readers(tmp_path):
    made = build(tmp_path)
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in made["md"].splitlines() if line[:1] == "|"}
    assert rows["first: last epoch"][-1] == f"{AVERAGE} |"
    assert rows["BERT-Feat"][-1] == "– |"
    assert rows["BERT-FiT"][-1] == "13.75<br>best epoch 14.04<br>published 9.22 |"
    assert rows["BERT-IDPT-FiT"][-2] == "not applicable"
    assert f"- {AVERAGE} of BERT-IDPT-FiT: over 3 of 4 corpora, without Sogou.\n" in made["md"]
    assert "- Sogou (BERT-IDPT-FiT): not applicable; no other Chinese corpus\n" in made["md"]


def test_a_baseline_is_one_run(tmp_path):
    made = build(tmp_path)
    line = next(line for line in made["md"].splitlines() if line.startswith("| Counts"))
    assert "±" not in line and line.startswith("| Counts | 12.00 [11.00, 14.00]<br>best epoch 12.00 |")
    assert "- Counts: no encoder and deterministic training, so one run and no standard deviation.\n" in made["md"]
    assert "seeds per cell: 2;" in made["md"]
    assert read(tmp_path).loc[("Counts", "IMDb"), "n"] == 1


def test_many_columns_stand_with_their_parts_below_each_other(tmp_path):
    made = build(tmp_path)
    page = Page(made["html"])
    scopes = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert scopes == [*["col"] * 5, "rowgroup", "row", "rowgroup", *["row"] * 4]
    place = page.cells.index("BERT-FiT")
    cell = "9.00 ± 0.28[8.00, 11.00]best epoch 8.90published 5.40difference +3.50*[+3.00, +4.00]"
    assert " ".join(page.cells[place + 1].split()) == cell
    assert "../runs/imdb/BERT-FiT" in page.links
    assert r"\textbf{9.00 $\pm$ 0.28}\\{\footnotesize [8.00, 11.00]}\\{\footnotesize best epoch 8.90}\\" in made["tex"]
    assert r"\begin{tabular}{lrrrrr}" in made["tex"] and made["tex"].count(r"\midrule") == 2
    widths = {len(re.split(r"(?<!\\)\|", line)) for line in made["md"].splitlines() if line[:1] == "|"}
    assert widths == {1 + 1 + 5 + 1}  # empty, label, columns, empty


def test_every_link_of_a_cell_is_drawn_with_and_without_a_detail():
    template = table_rendering.environment().from_string("{% from 'table.html' import table %}{{ table(grid, 'x') }}")
    for detail in ("", "[1, 2]"):
        cell = GridCell("5.00", detail=detail, links=("first", "second", "third"))
        html = template.render(grid=Grid({"IMDb": ""}, [""], [GridRow("row", [cell])]))
        assert Page(html).links == ["first", "second", "third"]
        assert "5.00" in html and detail in html


def test_few_columns_stand_beside_each_other(tmp_path):
    made = build(tmp_path, columns={"imdb": "IMDb"})
    assert "| BERT-Feat | 10.00 ± 0.00 [9.00, 12.00] | 9.90 | 6.79 | +3.11\\* [+2.61, +3.61] |" in made["md"]
    assert f"| {QUOTED} |  |  | 4.60 | – | – | – | – | – |" in made["md"]
    assert Page(made["html"]).cells.count("last epoch") == 2 and "<br>" not in made["md"]


def test_a_row_of_another_name_in_the_paper(tmp_path, monkeypatch):
    declared = ARTEFACT.model_dump()
    declared["rows"]["BERT-FiT"]["published"] = "BERT-CDPT-FiT"
    renamed = Artefact.model_validate(declared)
    monkeypatch.setattr("test_table_rendering.ARTEFACT", renamed)
    build(tmp_path)
    assert read(tmp_path).loc[("BERT-FiT", "IMDb"), "published"] == 5.18
    assert read(tmp_path).loc[("BERT-FiT", AVERAGE), "published"] == 14.38


def test_stacks():
    row = GridRow("row", [GridCell(text) for text in ("1", "–", "2", "", "", "", "not run", "–", "–")])
    grid = Grid(dict.fromkeys("abcd", ""), ["first", "second", "third"], [row])
    assert grid.stacked and [
        (first.text, [(part, cell.text) for part, cell in below]) for first, below in grid.drawn_cells(row)
    ] == [("1", [("third", "2")]), ("–", []), ("not run", [])]


def test_building_twice_gives_the_same_bytes(tmp_path):
    assert build(tmp_path / "a") == build(tmp_path / "b")
