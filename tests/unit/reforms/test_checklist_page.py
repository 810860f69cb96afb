"""The page: every item once, in order, with what is known, where, and what is left to the authors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bertfit.provenance.study_facts import StudyFacts
from bertfit.reforms import checklist_page, data_answers, model_answers
from bertfit.reforms.checklist_items import ITEMS, MODULES
from helpers import crated


@pytest.fixture(scope="module")
def facts(archived: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyFacts:
    return crated.facts(archived, tmp_path_factory.mktemp("study"))


def test_every_item_is_answered_or_left_to_people(facts: StudyFacts) -> None:
    data, models = data_answers.answers(facts), model_answers.answers(facts)
    assert not data.keys() & models.keys() and sorted(data | models) == sorted(ITEMS)
    for number, answer in (data | models).items():
        assert answer.known or answer.needed, number
        assert bool(answer.known) == bool(answer.where), f"{number}: what is known is found somewhere"


def test_the_page(facts: StudyFacts) -> None:
    page = checklist_page.text(facts)
    assert re.findall(r"^### (\w+)\. (.*)$", page, re.MULTILINE) == list(ITEMS.items())
    assert re.findall(r"^## \d\. (.*)$", page, re.MULTILINE) == list(MODULES)
    known, left = map(int, re.findall(r"(\d+) are answered from the records .*?other (\d+) the", page, re.DOTALL)[0])
    assert (known + left, page.count(checklist_page.OPEN)) == (32, left)
    assert 10 < left < 22, "neither all nor none is left to people"
    assert page == checklist_page.text(facts)
