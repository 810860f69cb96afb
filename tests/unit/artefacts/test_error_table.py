"""Tables: the values in every form, what is bold, what is missing, and what a hostile label may do."""

import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest

from bertfit.artefacts import error_table
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.config.study_schema import Artefact
from bertfit.core.errors import UserError
from bertfit.evaluation.results_file import ErrorSummary
from bertfit.experiments.job_specs import CellSpec, CellsSpec
from helpers import madeup

FORMS = ("csv", "md", "tex", "html")
ARTEFACT = Artefact(
    kind="table",
    number="Table 2",
    title="Long texts",
    caption="Test error & <i>more</i>, 100%.",
    section="5.3.1",
    columns={"imdb": "IMDb", "sogou": "Sogou"},
)
# wrong of 1,000, per seed: tail lies within the noise of head+tail, head does not
ERRORS = {"head-only": [80, 90, 85], "tail-only": [62, 58, 60], "head+tail": [50, 54, 52]}
BEST = {"head-only": [80, 80, 80], "tail-only": [58, 58, 58], "head+tail": [50, 51, 49]}


class Page(HTMLParser):
    """Tags with their attributes, links, and the text of every table cell."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.cells, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag in ("td", "th"):
            self.cells.append("")
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.cells[-1] += data


def write_results(path, errors=ERRORS, best=BEST):
    runs = {("imdb", "mini", recipe): list(zip(errors[recipe], best[recipe], strict=True)) for recipe in errors}
    madeup.results(path, runs, 1000)


def cells(labels=tuple(ERRORS), seeds=(1, 2, 3)):
    common = {"seeds": list(seeds), "encoder": "mini"}
    for label in labels:
        runs = [f"../runs/imdb/mini/{label}/seeds1-3", f"../runs/imdb/mini/{label}/seeds4-6"]
        ours = {"row": label, "column": "IMDb", "corpus": "imdb", "recipe": label, "status": "ok", "reason": ""}
        yield CellSpec(**common, **ours, runs=runs)
        none = {"status": "not available", "reason": "its files are on the authors' drive"}
        yield CellSpec(**common | {"encoder": None}, row=label, column="Sogou", corpus="sogou", recipe=None, **none)


def build(folder, request, comparable=True, artefact=ARTEFACT, noted=None, written=(ERRORS, BEST), **options):
    folder.mkdir(exist_ok=True)
    write_results(folder / "results.parquet", *written)
    files = {form: folder / "tables" / f"table2.{form}" for form in FORMS}
    error_table.build(
        CellsSpec(
            key="table2", artefact=artefact, study="s", comparable=comparable, cells=noted or list(cells(**options))
        ),
        results=folder / "results.parquet",
        published=request.config.rootpath / "paper/published.csv",
        files=TableFiles(**files),
    )
    return {form: path.read_text(encoding="utf-8") for form, path in files.items()}


def test_failed_runs_are_noted():
    summaries = {
        rate: {"IMDb": ErrorSummary(3, 30.0, 1.0, 28.0, 32.0, 29.0, failed=failed)}
        for rate, failed in (("lr=2e-5", 0), ("lr=4e-4", 2))
    }
    (note,) = error_table._failures(summaries)
    assert "lr=4e-4, IMDb: 2 of 3." in note and "lr=2e-5" not in note
    assert note.endswith("Where training diverged, the last error is that of guessing the most frequent class.")


def test_csv(tmp_path, request):
    text = build(tmp_path, request)["csv"].splitlines()
    assert text[0] == (
        "row,column,n,mean,std,low,high,mean_best,failed,p_lowest,published,"
        "delta_best,delta_low,delta_high,agrees,status,note"
    )
    assert (
        text[5] == "head+tail,IMDb,3,5.2000,0.2000,4.2000,7.2000,5.0000,0,1.0000,5.4200,-0.4200,-0.9200,0.0800,yes,ok,"
    )
    assert text[6] == "head+tail,Sogou,,,,,,,,,2.4300,,,,,not available,"
    assert [line.split(",")[0:4] for line in text[1:4:2]] == [
        ["head-only", "IMDb", "3", "8.5000"],
        ["tail-only", "IMDb", "3", "6.0000"],
    ]


def test_cells_that_agree_are_counted(tmp_path, request):
    made = build(tmp_path, request)
    assert (
        "- 2 of 3 published cells agree. Not: head-only, IMDb." in made["md"] and "A star: 0 is outside" in made["md"]
    )
    assert "agree" not in build(tmp_path, request, comparable=False)["md"]
    first = [{row: counts[:1] for row, counts in table.items()} for table in (ERRORS, BEST)]
    single = build(tmp_path / "single", request, written=first, seeds=(1,))
    assert "5.42 | −0.42 (one seed) |" in single["md"] and "agree" not in single["md"]


def test_no_difference_where_studies_cannot_be_compared(tmp_path, request):
    made = build(tmp_path, request, comparable=False)
    frame = pd.read_csv(tmp_path / "tables/table2.csv")
    assert frame["delta_best"].isna().all() and frame["published"].notna().all()
    for form in ("md", "tex", "html"):
        assert "for orientation, not comparison" in " ".join(made[form].split())
        assert "for orientation" not in build(tmp_path, request)[form]


def test_what_runs_lack_is_noted_once_a_row(tmp_path, request):
    lacking = {
        "tail-only": "pre-trained without <Yahoo>: not available",
        "head+tail": "pre-trained without <Yahoo>: no",
    }
    noted = [cell.model_copy(update={"note": lacking.get(cell.row, "")}) for cell in cells()]
    made = build(tmp_path, request, noted=noted)
    assert [line.rpartition(",")[2] for line in made["csv"].splitlines()[1:]] == [
        "", "", lacking["tail-only"], lacking["tail-only"], lacking["head+tail"], lacking["head+tail"]
    ]  # fmt: skip
    notes = [line for line in made["md"].splitlines() if line.startswith("- ")]
    assert notes[-2:] == [
        r"- tail-only: pre-trained without \<Yahoo>: not available", r"- head+tail: pre-trained without \<Yahoo>: no"
    ]  # fmt: skip
    assert r"tail-only: pre-trained without \textless{}Yahoo\textgreater{}: not available" in made["tex"]
    assert "tail-only: pre-trained without &lt;Yahoo&gt;: not available" in made["html"]
    assert made["html"].count("not available") == build(tmp_path / "b", request)["html"].count("not available") + 1


def test_one_seed_has_no_deviation(tmp_path, request):
    second = [{row: counts[1:2] for row, counts in table.items()} for table in (ERRORS, BEST)]
    made = build(tmp_path, request, written=second, seeds=(1,))
    frame = pd.read_csv(tmp_path / "tables/table2.csv")
    assert frame["std"].isna().all() and list(frame["n"].dropna()) == [1, 1, 1]
    assert "**5.40** [4.40, 7.40]" in made["md"] and "seeds per cell: 1;" in made["md"]


def test_notes_say_what_an_interval_is_about():
    several, one = error_table._intervals({3, 1, 5})
    assert "over other seeds and other test examples" in several and "Wilson's 95% interval, of that trained" in one
    assert (
        error_table._intervals({3}) == [several]
        and error_table._intervals({1}) == [one]
        and error_table._intervals(()) == []
    )


def test_notes_of_a_table_follow_its_seeds(tmp_path, request):
    assert "over other seeds" in (made := build(tmp_path, request)["md"]) and "Wilson" not in made
    first = [{row: counts[:1] for row, counts in table.items()} for table in (ERRORS, BEST)]
    made = build(tmp_path, request, written=first, seeds=(1,))["md"]
    assert "over other seeds" not in made and "Wilson" in made


def test_markdown(tmp_path, request):
    lines = build(tmp_path, request)["md"].splitlines()
    assert lines[0] == "**Table 2. Long texts**"
    table = [line for line in lines if line.startswith("|")]
    assert table[0].startswith(
        "|  | IMDb, last epoch | IMDb, best epoch | IMDb, published | IMDb, difference | Sogou, last epoch |"
    )
    assert table[2] == (
        "| head-only | 8.50 ± 0.50 [7.50, 10.50] | 8.00 | 5.63 | "
        "+2.37\\* [+1.87, +2.87] | not available | – | 2.58 | – |"
    )
    assert table[3] == (
        "| tail-only | **6.00 ± 0.20** [5.00, 8.00] | 5.80 | 5.44 | "
        "+0.36 [−0.14, +0.86] | not available | – | 3.17 | – |"
    )
    assert table[4] == (
        "| head+tail | **5.20 ± 0.20** [4.20, 7.20] | 5.00 | 5.42 | "
        "−0.42 [−0.92, +0.08] | not available | – | 2.43 | – |"
    )
    assert lines[-1] == "- Sogou: not available; its files are on the authors' drive"


def test_a_single_cell_is_not_best_of_anything(tmp_path, request):
    made = build(tmp_path, request, labels=("head+tail",))
    assert "**5.20" not in made["md"] and "textbf" not in made["tex"] and "<strong>5.20" not in made["html"]


def test_latex(tmp_path, request):
    text = build(tmp_path, request)["tex"]
    assert (
        r"\caption{Long texts. Test error \& \textless{}i\textgreater{}more\textless{}/i\textgreater{}, 100\%.}" in text
    )
    assert r"& \multicolumn{4}{c}{IMDb} & \multicolumn{4}{c}{Sogou} \\" in text
    assert (
        r"\textbf{5.20 $\pm$ 0.20}\\{\footnotesize [4.20, 7.20]}\end{tabular} & 5.00 & 5.42 & "
        r"\begin{tabular}[t]{@{}r@{}}$-$0.42\\{\footnotesize [$-$0.92, +0.08]}\end{tabular} & not available & --"
        in text
    )
    assert r"\toprule" in text and text.isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("packages", ["booktabs", "booktabs,graphicx"])
def test_latex_compiles(tmp_path, request, packages):
    build(tmp_path, request)
    document = (
        rf"\documentclass{{article}}\usepackage{{{packages}}}\begin{{document}}\input{{tables/table2}}\end{{document}}"
    )
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and ("Overfull" not in done.stdout or packages == "booktabs"), done.stdout


def test_html(tmp_path, request):
    text = build(tmp_path, request)["html"]
    page = Page(text)
    assert [value["scope"] for tag, value in page.tags if tag == "th"] == ["colgroup"] * 2 + ["col"] * 8 + ["row"] * 3
    assert sum(tag == "caption" for tag, _ in page.tags) == 1 and ("html", {"lang": "en"}) in page.tags
    row = page.cells.index("head+tail")
    assert page.cells[row + 1].split() == ["5.20", "±", "0.20[4.20,", "7.20]", "+1"]
    difference = "−0.42[−0.92, +0.08]"
    assert page.cells[row + 2 : row + 9] == ["5.00", "5.42", difference, "not available", "–", "2.43", "–"]
    folders = [f"../runs/imdb/mini/{row}/seeds{block}" for row in ERRORS for block in ("1-3", "4-6")]
    assert page.links == [folder.replace("+", "%2B") for folder in folders]  # nothing from the network
    assert text.count("<strong>") == 3 and "<strong><a" in text  # the caption and two cells
    assert "prefers-color-scheme: dark" in text


def test_hostile_labels_are_escaped(tmp_path, request):
    evil = '<script>alert("x")</script> | 5 % of $a_b {\\x} ~ #1 ^2'
    artefact = ARTEFACT.model_copy(update={"title": evil, "caption": evil, "columns": {"imdb": evil}})
    write_results(tmp_path / "results.parquet", {"r": [1]}, {"r": [1]})
    files = {form: tmp_path / f"evil.{form}" for form in FORMS}
    cell = {"row": evil, "column": evil, "corpus": "imdb", "encoder": "mini", "recipe": "r", "seeds": [1]}
    evil_cells = [CellSpec(**cell, status="ok", reason="", runs=['../"><b>x'])]
    error_table.build(
        CellsSpec(key="table2", artefact=artefact, study="s", comparable=True, cells=evil_cells),
        results=tmp_path / "results.parquet",
        published=request.config.rootpath / "paper/published.csv",
        files=TableFiles(**files),
    )
    assert "<script>" not in files["html"].read_text() and "<b>" not in files["html"].read_text()
    assert pd.read_csv(files["csv"])["row"][0] == evil
    lines = files["md"].read_text().splitlines()
    assert {line.replace(r"\|", "").count("|") for line in lines if line.startswith("|")} == {6}
    tex = files["tex"].read_text()
    assert r"5 \% of \$a\_b \{\textbackslash{}x\} \textasciitilde{} \#1 \textasciicircum{}2" in tex


def test_a_run_that_is_not_there(tmp_path, request):
    with pytest.raises(UserError, match=r"no run imdb/mini/head-only with seed \[7\]"):
        build(tmp_path, request, seeds=(1, 7))


def test_not_applicable(tmp_path, request):
    write_results(tmp_path / "results.parquet")
    files = {form: tmp_path / f"t.{form}" for form in FORMS}
    cell = {"row": "layer 12", "column": "IMDb", "corpus": "imdb", "encoder": None, "recipe": None, "seeds": [1]}
    without_run = CellSpec(**cell, status="not applicable", reason="the encoder has 6 layers")
    error_table.build(
        CellsSpec(key="table3", artefact=ARTEFACT, study="s", comparable=True, cells=[without_run]),
        results=tmp_path / "results.parquet",
        published=request.config.rootpath / "paper/published.csv",
        files=TableFiles(**files),
    )
    assert "| layer 12 | not applicable | – | – | – |" in files["md"].read_text()
    assert "- IMDb: not applicable; the encoder has 6 layers" in files["md"].read_text()
    assert files["csv"].read_text().splitlines()[1] == "layer 12,IMDb,,,,,,,,,,,,,,not applicable,"


def test_building_twice_gives_the_same_bytes(tmp_path, request):
    assert build(tmp_path / "a", request) == build(tmp_path / "b", request)


# ---------------------------------------------------------------------------------------------- statistics
