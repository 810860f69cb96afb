"""What the display says of a study: your own dataset, and where the report is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.registry import open_registry
from bertfit.terminal import closing_lines, first_screen, study_display
from conftest import ROOT
from helpers.study_summary import LINES, SUMMARY


def workflow(*targets: str) -> Any:
    return SimpleNamespace(
        dag_settings=SimpleNamespace(targets=set(targets)),
        local_exec=True,
        logger_manager=SimpleNamespace(get_logfile=lambda: ["x.log"]),
    )


@pytest.fixture
def reviews(tmp_path: Path) -> Any:
    data = tmp_path / "reviews.csv"
    data.write_text("review,stars\n" + "".join(f"a text number {number},{number % 2}\n" for number in range(30)))
    switches = {"study": "example", "data": str(data), "text": "review", "label": "stars", "gpus": 0}
    return open_registry(switches, ROOT, tmp_path / "results")


def test_your_own_dataset_begins_with_its_screen(reviews: Any) -> None:
    screen = study_display.own_dataset(reviews)
    assert screen is not None
    assert (screen.rows, screen.classes, screen.encoder) == (30, {"0": 15, "1": 15}, "all-MiniLM-L6-v2")
    assert screen.lengths.words == (4, 4) and screen.max_length == 32
    lines = [*study_display.answers(reviews, workflow("classify")).first()]
    assert lines == [*first_screen.text(screen).splitlines(), ""]
    assert [*study_display.answers(reviews, workflow("report")).first()] == []


def test_a_file_with_an_error_has_no_screen(reviews: Any) -> None:
    """Rows behind those that are read at the start: the job that reads the whole file says what is wrong."""
    with open(reviews.settings.own_file, "a") as file:
        file.write('a "stray" quote,1\n"an open one,1\n')
    with pytest.raises(UserError):
        study_display.own_dataset(reviews)
    assert [*study_display.answers(reviews, workflow("classify")).first()] == []


def test_your_own_dataset_ends_with_its_summary(reviews: Any) -> None:
    last = study_display.answers(reviews, workflow("classify")).last
    assert [*last()] == []
    Path(reviews.root).mkdir(parents=True)
    (Path(reviews.root) / closing_lines.FILE).write_text(SUMMARY.model_dump_json())
    assert [*last()] == LINES


def test_other_studies_end_with_the_place_of_their_report(tmp_path: Path) -> None:
    registry = open_registry({"study": "miniature", "artefacts": "table2"}, ROOT, tmp_path)
    assert study_display.own_dataset(registry) is None
    report = Path(registry.root) / "report.choice.html"
    report.parent.mkdir()
    asked = study_display.answers(registry, workflow())
    assert [*asked.last()] == [*asked.first()] == []
    report.touch()
    assert [*asked.last()] == [f"Open {report} in a browser"]
    assert [*study_display.answers(registry, workflow("table2")).last()] == []
    assert asked.local() and asked.logs() == ["x.log"]
