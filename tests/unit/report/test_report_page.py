"""The page as text: what is in it, that nothing gets out of it, that it is the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys

import pytest

import bertfit
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.experiments.summary_specs import PlannedStage
from bertfit.report import report_page
from bertfit.workflow import code_digest
from bertfit.workflow.artefact_jobs import TABLE_TEMPLATES
from bertfit.workflow.report_jobs import TEMPLATES
from helpers.made_package import PACKAGED
from helpers.measured_jobs import measure
from helpers.page_reader import Page, data
from helpers.reportdata import EVIL, make, write


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    spec = make(root)
    return root, spec, report_page.page(spec, root)


def test_the_page_is_whole_and_its_links_lead_somewhere(made):
    _, _, text = made
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    known = {f"run/{key}" for key in data(text)["runs"]} | {f"encoder/{key}" for key in data(text)["encoders"]}
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= {*page.ids, *known} and {"run/imdb/mini/default", "encoder/mini", "corpus-yelp"} <= set(
        inside
    )
    assert all(link.startswith(("#", "data:text/csv;base64,")) for link in page.links)
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert all(attributes["alt"] for tag, attributes in page.tags if tag == "img")
    assert ("html", {"lang": "en"}) in page.tags
    assert f"Made by bertfit {bertfit.__version__}." in text and f"version = {{{bertfit.__version__}}}," in text


def test_nothing_is_loaded_and_no_text_becomes_markup(made):
    _, _, text = made
    page = Page(text)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert [attributes["src"][:26] for tag, attributes in page.tags if "src" in attributes] == [
        "data:image/svg+xml;base64,"
    ] * 2  # figure2, and error against time
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    policy = next(one["content"] for _, one in page.tags if one.get("http-equiv") == "Content-Security-Policy")
    script = re.search(r"<script>(.*)</script>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_clusters_of_test_texts(made):
    """Of one corpus; the card of the other was written before clusters were counted."""
    _, _, text = made
    rows = re.findall(r'<tr id="corpus-(\w+)">(.*?)</tr>', text, re.S)
    cells = {name: " ".join(re.sub(r"<[^>]+>", " ", row).split()) for name, row in rows}
    assert "2 3 equal or nearly so 1 of a group in the training set 3 2 texts share one, at most 2 by " in cells["imdb"]
    assert "share one" not in cells["yelp"]


def test_cost_counts_no_encoder_twice(made):
    _, _, text = made
    rows = dict(re.findall(r'<tr><th scope="row">([a-z -]+)</th><td>(\d+)</td>', text))
    assert rows == {"fetched": "1", "pre-training": "2", "multi-task fine-tuning": "1", "fine-tuning": "3",
                    "baseline": "1", "together": "8"}  # fmt: skip


def test_energy_and_error_against_cost(tmp_path):
    spec = make(tmp_path)
    for path in [*tmp_path.glob("runs/imdb/*/*/*"), *(tmp_path / "encoders").iterdir()]:
        if path.name != "fetched":
            measure(path, 0.25, estimated="tfidf" in str(path))
    text = report_page.page(spec, tmp_path)
    page = Page(text)
    assert {"tradeoff", "tradeoff-seconds", "tradeoff-kwh", "tradeoff-milliseconds", "tradeoff-parameters"} <= set(
        page.ids
    )
    assert "Energy of training (Wh, partly estimated)" in text and '<a href="#tradeoff">' in text
    rows = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in re.findall("<tr>(.*?)</tr>", text, re.S)]
    assert "IMDb, 2 0 (Table 2) 375 62.50 40.50 to 80.50" in rows, "0.25 kWh for two seeds, and of the pre-training"
    assert "Not recorded by the version that trained some of the runs: energy, time of a text, size." in text  # yelp
    assert "0.25 kWh estimated" in " ".join(rows) and "0.5 kWh 2 of 3 jobs" in " ".join(rows)


def test_a_plan_stands_beside_what_was_done(made):
    root, spec, text = made
    assert "Planned" not in text
    planned = report_page.page(spec, root, {"fine-tuning": PlannedStage(jobs=9, seconds=7200.0)})
    assert "<td>3</td><td>9</td>" in planned and "<td>2 h 0 min</td>" in planned


def test_same_inputs_same_bytes(made, tmp_path):
    root, spec, text = made
    report_page.build(spec, root=root, html=tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert report_page.page(make(tmp_path / "again"), tmp_path / "again") == text


def test_missing_and_torn_files_are_named(tmp_path):
    spec = make(tmp_path)
    write(tmp_path / "claims.json", "[{")
    with pytest.raises(UserError, match="run again"):
        report_page.build(spec, root=tmp_path, html=tmp_path / "report.html")
    (tmp_path / "claims.json").unlink()
    with pytest.raises(UserError, match="claims.json"):
        report_page.build(spec, root=tmp_path, html=tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_two_hundred_runs_stay_a_page(tmp_path):
    spec = make(tmp_path, more=200)
    assert len(report_page.page(spec, tmp_path)) < 600_000  # two evaluations a seed: some 2.5 kB a run


def test_scores_of_several_artefacts_are_those_of_all(made, tmp_path):
    import shutil

    root, spec, text = made
    shutil.copytree(root, tmp_path / "copy")
    shutil.copy(root / "results.parquet", tmp_path / "copy/scores.parquet")
    twice = spec.model_copy(update={"scores": ["scores.parquet", "results.parquet"]})
    assert report_page.page(twice, tmp_path / "copy") == text
    with pytest.raises(UserError, match="no scores of the run imdb/mini/default"):
        report_page.page(spec.model_copy(update={"scores": []}), root)


def test_colours_can_be_read():
    """WCAG AA: 4.5 to 1 for text, in light and in dark, on every background that text stands on."""
    css = (report_page.TEMPLATES / "report.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    )
    for scheme in (light, dark):
        for ink in ("ink", "soft", "link", "yes", "no", "open", "none"):
            for paper in ("paper", "card", "mark"):
                assert contrast(scheme[ink], scheme[paper]) >= 4.5, (ink, paper, scheme[ink])
        for line in ("s0", "s1", "s2", "s3", "s4", "s5"):
            assert contrast(scheme[line], scheme["paper"]) >= 3, line


def contrast(one, other):
    def light(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_neither_torch_nor_scipy_is_needed():
    code = (
        "import sys, bertfit.report.report_page; sys.exit(bool({'torch', 'scipy', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=report_page.TEMPLATES.parents[2]).returncode == 0


def test_a_changed_template_is_seen(tmp_path):
    made = [tmp_path / "page", tmp_path / "table"]
    for folder in made:
        folder.mkdir()
        (folder / "a.css").write_text("a")
    before = code_digest.templates(*made)
    (made[1] / "a.css").write_text("b")
    assert code_digest.templates(*made) != before and len(before) == 16
    assert code_digest.templates(TEMPLATES, TABLE_TEMPLATES) != code_digest.templates(TEMPLATES)


def test_a_sample_of_one_split_alone(made):
    _, _, text = made
    assert "<td>6<small>of 60</small></td>\n<td>4</td>" in text


def test_a_corpus_of_a_package_names_version_rows_and_both_licences(tmp_path):
    spec = make(tmp_path)
    path = tmp_path / "corpora/yelp/card.json"
    write(path, files.read_json(path) | {"source": PACKAGED, "licence": "cite the authors"})
    text = report_page.page(spec, tmp_path)
    row = text[text.index('<tr id="corpus-yelp">') :]
    row = row[: row.index("</tr>")]
    assert "package made-reviews 1.0<small>its licence: MIT</small>" in row
    assert "<small>test split held out: 25 %</small>" in row and "<small>rows with source = " in row
    assert '<td class="text">cite the authors</td>' in row and EVIL not in row
