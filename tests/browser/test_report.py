"""The report in a real Chromium: it opens without a complaint, its links lead somewhere, it sorts, filters, opens runs.

Needs Debian's chromium and chromium-driver, and selenium; skipped with a message where they are not installed.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from bertfit.report import report_page
from helpers.measured_jobs import measure
from helpers.reportdata import EVIL, make

pytest.importorskip("selenium", reason="the browser tests need selenium (pip install '.[test]')")

from chromium import browser, console, look, missing  # noqa: E402
from screenshots import shoot  # noqa: E402
from selenium.webdriver import Chrome, Keys  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

ABSENT = f"not installed: {', '.join(missing())} (apt-get install chromium chromium-driver)"
pytestmark = pytest.mark.skipif(bool(missing()), reason=ABSENT)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of fifteen runs, whose texts, labels, titles and sentences try to break out."""
    root = tmp_path_factory.mktemp("made")
    report_page.build(make(root, more=11), root=root, html=root / "report.html")
    return root / "report.html"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory):
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def page(driver: Chrome, html: Path):
    """The page, freshly opened at the width of a desk; afterwards the console must be empty."""
    go(driver, html)
    yield driver
    assert console(driver) == []
    assert driver.execute_script("return window.evil") is None


def go(driver: Chrome, html: Path, at: str = "", width: int = 1280, dark: bool = False) -> None:
    look(driver, width=width, dark=dark)
    driver.get("about:blank")
    driver.get(f"{html.as_uri()}#{at}")


def texts(page: Chrome, selector: str) -> list[str]:
    """What the elements say, read by one script: between two calls the page may replace them."""
    script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())"
    return page.execute_script(script, selector)


def opened(page: Chrome) -> bool:
    return page.execute_script("return document.getElementById('detail').open")


def column(page: Chrome, place: int) -> list[str]:
    """What the shown rows of the table of runs say in one column."""
    return texts(page, f"#run-table tbody tr:not([hidden]) > :nth-child({place})")


def test_it_opens_without_a_complaint_and_asks_for_nothing(page: Chrome) -> None:
    assert page.title == "Made up: How to Fine-Tune BERT for Text Classification?"
    assert texts(page, "h2")[:3] == ["Verdicts", "Tables and figures", "Cells that differ from the paper"]
    loaded = page.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [one for one in loaded if not one.startswith("data:")] == []
    for picture in page.find_elements("css selector", "img"):
        page.execute_script("arguments[0].scrollIntoView()", picture)
        WebDriverWait(page, 5).until(lambda _, one=picture: one.get_property("naturalWidth"))
        assert picture.get_attribute("alt")


def test_hostile_texts_are_texts(page: Chrome, html: Path) -> None:
    assert any(EVIL in text for text in texts(page, ".sentence"))
    go(page, html, "run/imdb/mini/default")
    assert texts(page, "#detail q")[0].strip("“”") == EVIL
    assert len(page.find_elements("css selector", "script")) == 2
    assert page.find_elements("css selector", "img[src=x]") == []


def test_every_link_leads_somewhere(page: Chrome, html: Path) -> None:
    known = page.execute_script("return [...Object.keys(data.runs).map((one) => `run/${one}`), "
                                "...Object.keys(data.encoders).map((one) => `encoder/${one}`)]")  # fmt: skip
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    gather = "return [...document.links].map((one) => one.getAttribute('href'))"
    links = set(page.execute_script(gather))
    for name in known:
        page.execute_script("location.hash = arguments[0]", f"#{name}")
        WebDriverWait(page, 5).until(lambda _, name=name: name.partition("/")[2] in shown_title(page))
        links |= set(page.execute_script(gather))
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside <= {*ids, *known}
    files = {unquote(link) for link in links if not link.startswith(("#", "data:"))}
    assert "runs/yelp/mini/truncation=tail/seeds1-2/run.json" in files
    assert [file for file in files if not (html.parent / file).is_file()] == []


def shown_title(page: Chrome) -> str:
    return page.execute_script("return document.getElementById('detail-title')?.textContent").replace(" / ", "/")


def test_columns_sort_by_their_values_both_ways(page: Chrome) -> None:
    before = column(page, 1)
    for place, key in ((2, lambda text: float(text.split()[0])), (6, lambda text: float(text.split()[0])), (1, str)):
        head = page.find_element("css selector", f"#run-table thead th:nth-child({place})")
        head.find_element("css selector", "button").click()
        values = [key(text) for text in column(page, place)]
        assert values == sorted(values) or place == 1, values
        assert head.get_attribute("aria-sort") == "ascending"
        head.find_element("css selector", "button").click()
        assert [key(text) for text in column(page, place)][0] != values[0]
        assert head.get_attribute("aria-sort") == "descending"
    sorted_heads = page.find_elements("css selector", "#run-table thead th[aria-sort]")
    assert len(sorted_heads) == 1 and sorted(column(page, 1)) == sorted(before)
    assert [text.split()[-1] for text in column(page, 1)][:4] == ["truncation=tail", "default", "default", "lr=11"]


def test_what_is_not_known_is_sorted_last_both_ways(driver: Chrome, tmp_path: Path) -> None:
    """Two of four runs have an energy and a time of a text."""
    spec = make(tmp_path)
    for recipe, kwh in (("mini/default", 0.5), ("mini~imdb@10.s1/default", 0.25)):
        measure(tmp_path / f"runs/imdb/{recipe}/seeds1-2", kwh=kwh, seconds=kwh)
    report_page.build(spec, root=tmp_path, html=tmp_path / "report.html")
    go(driver, tmp_path / "report.html")
    read = "return [...document.querySelectorAll('#run-table tbody td:nth-child(%d)')].map((cell) => cell.dataset.sort)"
    for place in (7, 8):
        for falling in (False, True):
            driver.find_element("css selector", f"#run-table thead th:nth-child({place}) button").click()
            values = driver.execute_script(read % place)
            known = [float(value) for value in values[:2]]
            assert known == sorted(known, reverse=falling) and values[2:] == ["", ""]


def test_runs_are_filtered_by_words_corpus_and_artefact(page: Chrome) -> None:
    words = page.find_element("id", "words")
    assert len(column(page, 1)) == 15 and texts(page, "#count") == ["15 runs"]
    words.send_keys("IMDB lr=1")
    assert [text.split()[-1] for text in column(page, 1)] == ["lr=1", "lr=10", "lr=11"]
    assert texts(page, "#count") == ["3 of 15 runs"]
    words.clear()
    words.send_keys(" ", Keys.BACKSPACE, Keys.ENTER)
    assert len(column(page, 1)) == 15
    Select(page.find_element("id", "corpus")).select_by_visible_text("yelp")
    assert column(page, 1) == ["yelp / mini / truncation=tail"]
    Select(page.find_element("id", "corpus")).select_by_visible_text("all")
    Select(page.find_element("id", "artefact")).select_by_visible_text("Table 2")
    assert len(column(page, 1)) == 3 and texts(page, "#count") == ["3 of 15 runs"]


def test_a_cell_opens_its_run_by_keyboard_and_escape_comes_back(page: Chrome) -> None:
    cell = page.find_element("css selector", "#table2 td a")
    page.execute_script("arguments[0].focus()", cell)
    cell.send_keys(Keys.ENTER)
    WebDriverWait(page, 5).until(opened)
    assert texts(page, "#detail-title") == ["imdb / mini / default"]
    assert page.execute_script("return document.activeElement.id") == "detail-body"
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    WebDriverWait(page, 5).until(lambda page: not opened(page))
    WebDriverWait(page, 5).until(lambda page: "#" not in page.current_url)  # the dialog's event comes after
    assert page.switch_to.active_element == cell


def test_what_an_opened_run_shows(page: Chrome, html: Path) -> None:
    go(page, html, "run/imdb/mini~imdb@10.s1/default")
    assert opened(page)
    charts = page.find_elements("css selector", "#detail svg")
    assert charts[0].get_attribute("aria-label") == "Loss. seed 1: 0.9 to 0.45; seed 2: 0.9 to 0.45"
    assert len(charts) == 2 and len(charts[1].find_elements("css selector", "path.line")) == 4
    cells = texts(page, "#detail table:nth-of-type(1) tbody tr:first-child > *")
    assert cells[:7] == ["1", "2", "75.01", "0.2500", "-0.1250", "1", "75.01"], "last step, error, F1, Matthews; best"
    text = page.find_element("id", "detail").text
    for part in (
        "A processor, Linux", "torch 2.13.0", "2.5 s, 1 CPU thread", "0123456789abcdef", "train abababababababab…",
        "nothing: the default recipe", "The mean probabilities of all seeds misclassify 2 of 4 test examples",
    ):  # fmt: skip
        assert part in text
    page.find_element("id", "detail").find_element("link text", "mini~imdb@10.s1").click()
    WebDriverWait(page, 5).until(lambda page: texts(page, "#detail-title") == ["mini~imdb@10.s1"])
    page.find_element("id", "detail").find_element("link text", "mini").click()
    WebDriverWait(page, 5).until(lambda page: texts(page, "#detail-title") == ["mini"])
    page.find_element("css selector", "#detail form button").click()
    WebDriverWait(page, 5).until(lambda page: not opened(page))


def test_texts_that_are_not_ours_are_numbers(page: Chrome, html: Path) -> None:
    go(page, html, "run/yelp/mini/truncation=tail")
    text = page.find_element("id", "detail").text
    assert "texts of this corpus are not shown for licence reasons" in text and "truncation = tail" in text
    assert page.find_elements("css selector", "#detail q") == []


def test_a_link_out_of_a_run_closes_it(page: Chrome, html: Path) -> None:
    go(page, html, "run/imdb/mini/default")
    page.find_element("css selector", "#detail").find_element("link text", "Table 2").click()
    WebDriverWait(page, 5).until(lambda page: not opened(page))
    assert page.current_url.endswith("#table2")
    go(page, html, "run/no/such/run")
    assert not opened(page)


def test_a_verdict_opens_and_names_its_runs(page: Chrome) -> None:
    claim = page.find_element("id", "claim-further-helps")
    claim.find_element("css selector", "summary").click()
    assert "the text of a task shows what its jargon means" in claim.text and "given one pre-training" in claim.text
    assert [one.get_attribute("title") for one in claim.find_elements("css selector", "td a")] == [
        "imdb/mini/default", "imdb/mini~imdb@10.s1/default",
    ]  # fmt: skip


@pytest.mark.parametrize("at", ["", "run/imdb/mini/default", "encoder/mini~mt-four.s1"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_width_makes_the_page_scroll_sideways(page: Chrome, html: Path, at: str, width: int) -> None:
    go(page, html, at, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    dialog = page.find_element("id", "detail")
    assert dialog.get_property("scrollWidth") <= dialog.get_property("clientWidth")


def test_light_and_dark(page: Chrome, html: Path) -> None:
    colours = "const one = getComputedStyle(document.body); return [one.backgroundColor, one.color]"
    assert page.execute_script(colours) == ["rgb(255, 255, 255)", "rgb(26, 26, 26)"]
    go(page, html, dark=True)
    assert page.execute_script(colours) == ["rgb(22, 24, 27)", "rgb(230, 230, 230)"]


def test_everything_that_acts_has_a_name_and_can_be_reached(page: Chrome) -> None:
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('a, button, summary, input, select, [role=region]')].filter((one) => "
        "!(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert unnamed == []
    tall = "return [...document.querySelectorAll('.scroll')].every((one) => one.tabIndex === 0)"
    assert page.execute_script(tall)
    page.find_element("css selector", "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the verdicts"


def test_pictures_are_taken(page: Chrome, html: Path, tmp_path: Path) -> None:
    from PIL import Image

    shoot(page, html, tmp_path / "phone.png", at="run/imdb/mini/default", width=360, height=700, dark=True)
    assert Image.open(tmp_path / "phone.png").size == (360, 700)
