"""Records of the search are read back, and damaged ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertfit.core.errors import UserError
from bertfit.core.files import write_json
from bertfit.search import search_record
from bertfit.search.search_record import Round
from helpers import made_choice


def test_a_round_is_read_back(tmp_path: Path) -> None:
    plan = Round(number=1, metric="error", runs=[], left_out={"a": "why"}, measured=[], budget=900, seconds=3.5)
    write_json(tmp_path / "round1.json", plan.model_dump(mode="json"))
    assert search_record.read_round(tmp_path / "round1.json") == plan


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "choice.json"
    for content in ("", "[]", '{"metric": "luck"}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"choice\.json: not a record of the search"):
            search_record.read_choice(path)
    with pytest.raises(UserError, match="delete it and run again"):
        search_record.read_round(tmp_path / "none.json")


def test_the_time_spent_on_a_candidate_is_that_of_all_its_trainings() -> None:
    """Trainings of 21 and 84 seconds, and the pre-training of 74 that both start from."""
    found = made_choice.choice()
    assert found.spent_on("further") == 21 + 84 + 74 and found.spent_on("words") == 1.4
    assert found.spent_on("balanced") == 0
