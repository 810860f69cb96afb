"""Published numbers out of their interval: which are listed, how they are counted, and what would explain them."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import Any

import pytest

from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.data.corpus_card import CorpusCard
from bertfit.experiments.summary_specs import ReportedArtefact, ReportedCell, ReportSpec
from bertfit.report import paper_differences, report_page
from bertfit.report.paper_differences import CAUSES, Cause
from bertfit.report.run_explorer import RunGroupDetails
from helpers import made_package, reportdata

FIT, POOLER, HEAD = ("imdb/bert/layer_decay=0.95" + more for more in ("", "+pooler=true", "+truncation=head"))
ITPT, LEAK = (f"imdb/bert~imdb{mix}@100k.s1/layer_decay=0.95" for mix in ("", "_leak"))
SINGLE, FAILED = "yelp/bert/default", "trec/bert/default"
LAST_EPOCH = "the last epoch instead of the best"


def run(
    address: str, best: list[float], last: float, half: float | None = 0.1, last_half: float | None = 0.1
) -> RunGroupDetails:
    """A run group with the best epochs of its seeds; ``half`` the width of where one more run is to be expected."""
    corpus, encoder, recipe = address.split("/")
    mean = sum(best) / len(best)
    further = [
        None if width is None else (error - width, error + width) for error, width in ((last, last_half), (mean, half))
    ]
    return RunGroupDetails(
        corpus=corpus, encoder=encoder, recipe=recipe, stage="fine-tuning", shown_in=[], n=25_000, mean=last, std=None,
        low=0.0, high=0.0, best=mean, starts=[], further_last=further[0], further_best=further[1], differs={},
        seeds=[[seed, 4, last, 0.5, 0.5, 4, error] for seed, error in enumerate(best, 1)], diverged={}, wrong=0,
        curves={}, mistakes=[], jobs=[],
    )  # fmt: skip


RUNS = {
    FIT: run(FIT, [5.40, 5.44], 5.52),
    POOLER: run(POOLER, [5.60, 5.64], 5.70),
    ITPT: run(ITPT, [4.78, 4.84], 4.45),
    LEAK: run(LEAK, [4.39, 4.43], 4.50),
    SINGLE: run(SINGLE, [2.0], 2.1, None, None),
    FAILED: run(FAILED, [2.0, 70.0], 2.1, None, None),
}


def cell(row: str, column: str, address: str | None, **more: Any) -> ReportedCell:
    values = {"status": "ok" if address else "not available", "reason": "", "note": "", "size": None}
    return ReportedCell(row=row, column=column, run=address, **values | more)


def artefact(key: str, kind: str, cells: list[ReportedCell]) -> ReportedArtefact:
    return ReportedArtefact(
        key=key, kind=kind, number=key.title(), title="T", caption="", section="5", columns={}, average=None,
        figure=kind != "table", cells=cells, reasons={},
    )  # fmt: skip


ARTEFACTS = [
    artefact("table1", "statistics", []),
    artefact("table5", "table", [
        cell("=ITPT", "IMDb", ITPT), cell("FiT", "IMDb", FIT), cell("FiT", "Yelp", SINGLE, note="without Yahoo"),
        cell("FiT", "TREC", FAILED), cell("pooler", "IMDb", POOLER), cell("none", "IMDb", None),
    ]),
    artefact("figure4", "sizes", [cell("ITPT", "IMDb", ITPT, size="100")]),
]  # fmt: skip
HEADER = "row,column,n,published,delta_best,delta_low,delta_high,agrees,status\n"
ROWS = [
    "'=ITPT,IMDb,2,4.3700,0.4400,0.3400,0.5400,no,ok", "FiT,IMDb,2,5.4000,0.0200,-0.0800,0.1200,yes,ok",
    "FiT,Yelp,1,2.2000,-0.2000,,,,ok", "FiT,TREC,2,2.2000,33.8000,,,,ok", "pooler,IMDb,2,,,,,,ok",
    "none,IMDb,,9.9900,,,,,not available", "FiT,Avg.,,14.0000,1.0000,,,,ok",
]  # fmt: skip


def compare(root: Path, rows: list[str] = ROWS, *, comparable: bool = True, runs: Any = RUNS, cards: Any = None) -> Any:
    reportdata.write(root / "tables/table5.csv", HEADER + "\n".join(rows) + "\n")
    figure = "row,size,published,delta_best,delta_low,delta_high,agrees\nITPT,100,4.3700,0.44,0.34,0.54,no\n"
    reportdata.write(root / "figures/figure4.csv", figure)
    spec = reportdata.spec([], comparable)
    spec = ReportSpec.model_validate(
        spec.model_dump(by_alias=True) | {"artefacts": [one.model_dump() for one in ARTEFACTS]}
    )
    return paper_differences.published_numbers(spec, root, runs, cards or {})


def test_numbers_are_counted_once_and_listed_with_all_their_places(tmp_path: Path) -> None:
    found = compare(tmp_path)
    assert (found.agree, found.judged, found.unjudged) == (1, 2, 2)
    (one,) = found.differing
    assert one.places == [("table5", "Table5: =ITPT, IMDb"), ("figure4", "Figure4: ITPT, 100 % of IMDb")]
    assert (one.run, one.last, one.best, one.published) == (ITPT, 4.45, pytest.approx(4.81), 4.37)
    assert (one.delta, one.low, one.high) == (0.44, 0.34, 0.54)
    assert (one.seeds, one.lowest, one.highest, one.notes) == (2, 4.78, 4.84, [])


def test_only_in_comparable_studies(tmp_path: Path) -> None:
    assert compare(tmp_path, comparable=False) is None


def test_a_cause_is_judged_by_the_run_that_has_it(tmp_path: Path) -> None:
    (one,) = compare(tmp_path).differing
    verdicts = {finding.cause: (finding.verdict, finding.run) for finding in one.findings}
    leak, pooler = CAUSES[0].name, CAUSES[2].name
    assert verdicts[LAST_EPOCH] == ("would explain it", ITPT)  # 4.45 ± 0.1 has 4.37 inside
    assert verdicts[leak] == ("would explain it", LEAK) and verdicts[pooler] == ("not run", "")
    assert one.findings[1].error == pytest.approx(4.41)
    assert CAUSES[7].name not in verdicts  # it has these rates
    assert len({finding.cause for finding in one.findings}) == len(one.findings)


def test_what_does_not_explain_it_and_what_cannot_be_judged(tmp_path: Path) -> None:
    rows = ["FiT,IMDb,2,5.0000,0.4200,0.3200,0.5200,no,ok"]
    one, _ = compare(tmp_path, rows).differing
    verdicts = {finding.cause: finding.verdict for finding in one.findings}
    assert verdicts[LAST_EPOCH] == verdicts[CAUSES[2].name] == "does not"
    assert CAUSES[0].name not in verdicts  # nothing was further pre-trained
    single = {**RUNS, POOLER: run(POOLER, [5.0], 5.0, None, None)}
    one, _ = compare(tmp_path, rows, runs=single).differing
    assert [(finding.cause, finding.error) for finding in one.found("not judged")] == [(CAUSES[2].name, 5.0)]


def test_what_runs_lack_and_whose_texts_they_read(tmp_path: Path) -> None:
    root = tmp_path / "report"
    reportdata.make(root)
    cards = {"yelp": report_page._card("yelp", reportdata.spec([], True).corpora["yelp"], root)}
    rows = ["FiT,Yelp,3,2.3000,-0.3000,-0.4000,-0.2000,no,ok"]
    one, _ = compare(tmp_path, rows, cards=cards).differing
    assert one.notes == ["without Yahoo", "texts from the hub, a/b"]
    packaged = {"yelp": CorpusCard.model_validate(cards["yelp"].model_dump() | {"source": made_package.PACKAGED})}
    one, _ = compare(tmp_path, rows, cards=packaged).differing
    assert one.notes == ["without Yahoo", "texts from the package made-reviews"]


def test_changed_runs() -> None:
    def changed(address: str, **change: Any) -> str | None:
        return paper_differences.changed_run(address, Cause("c", **change), Finetune())

    assert changed(FIT, recipe={"truncation": "head"}) == HEAD
    assert changed(FIT, recipe={"layer_decay": 1.0}) == "imdb/bert/default"
    assert changed(HEAD, recipe={"truncation": "head"}) == HEAD
    assert changed(ITPT, stage="leak") == LEAK
    several = changed("ag/b~all@100kof200k.s1~mt-four.s2/default", stage="leak")
    assert several == "ag/b~all_leak@100kof200k.s1~mt-four.s2/default"
    assert changed("ag/b~all@10k.s1~mt-four.s2/default", stage="seed") == "ag/b~all@10k.s2~mt-four.s2/default"
    assert changed("ag/b~mt-four.s2/default", stage="seed") is None
    for address in (FIT, LEAK, "imdb/tfidf/default"):
        assert changed(address, stage="leak") is None
    assert changed("imdb/bert/layers=0", recipe={"pooler": True}) is None  # the pooler reads the last layer


def test_the_list_as_csv(tmp_path: Path) -> None:
    found = compare(tmp_path)
    text = base64.b64decode(found.csv.partition("base64,")[2]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(found.differing[0].findings)
    assert rows[0]["row"] == "Table5: =ITPT, IMDb; Figure4: ITPT, 100 % of IMDb"
    assert (rows[1]["verdict"], rows[1]["error"], rows[1]["published"]) == ("would explain it", "4.4100", "4.3700")


def test_a_file_without_differences(tmp_path: Path) -> None:
    compare(tmp_path)
    (tmp_path / "figures/figure4.csv").write_text("row,size,published\n")
    spec = reportdata.spec([], True).model_copy(update={"artefacts": ARTEFACTS[2:]})
    with pytest.raises(UserError, match="figure4.csv: not the numbers of Figure4"):
        paper_differences.published_numbers(spec, tmp_path, RUNS, {})


def test_on_the_page(tmp_path: Path) -> None:
    spec = reportdata.make(tmp_path)
    text = " ".join(report_page.page(spec, tmp_path).split())
    assert "1 of 2 published numbers agree with our runs; 1 more has no interval." in text
    assert 'href="#differences"' in text and "<li>the last epoch instead of the best: does not," in text
    study = spec.study.model_copy(update={"comparable": False})
    assert 'id="differences"' not in report_page.page(spec.model_copy(update={"study": study}), tmp_path)
