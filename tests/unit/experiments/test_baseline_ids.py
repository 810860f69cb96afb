from __future__ import annotations

import re

import pytest

from bertfit.core.errors import UserError
from bertfit.experiments.baseline_ids import COUNTS, Counting, format_counts, parse_counts

NAMES = {
    "default": Counting(),
    "words": Counting("words"),
    "characters": Counting("characters"),
    "words+fraction=0.25": Counting("words", fraction=0.25),
    "characters+fraction=1e-05": Counting("characters", fraction=1e-5),
    "characters+class_weights=balanced+fraction=0.5": Counting("characters", "balanced", 0.5),
}


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name):
    assert parse_counts(name) == NAMES[name] and format_counts(NAMES[name]) == name
    assert bool(re.fullmatch(COUNTS, name)) == (name != "default")


@pytest.mark.parametrize(
    "name",
    [
        "", "word", "words+", "words+fraction=1.0", "words+fraction=0.250", "words+fraction=2", "words+fraction=0",
        "words+fraction=0.5+class_weights=balanced", "words+lr=1", "default+fraction=0.5", "words+class_weights=none",
        "words+fraction=x", "words+fraction=0.5+fraction=0.5", "words+fraction=e",
    ],
)  # fmt: skip
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match="is not what word counts are named"):
        parse_counts(name)


def test_a_default_on_a_part_has_no_name():
    with pytest.raises(ValueError, match="no name of word counts"):
        format_counts(Counting(fraction=0.5))
