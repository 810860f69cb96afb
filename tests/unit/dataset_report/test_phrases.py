"""Numbers and lists in sentences."""

from __future__ import annotations

from bertfit.dataset_report import phrases


def test_shares_are_percentages_and_natural_frequencies() -> None:
    assert phrases.percent(0.1125) == "11.2 %" and phrases.percent(0.9, 0) == "90 %"
    assert phrases.percent_range(0.084, 0.148) == "8.4 to 14.8 %"
    assert phrases.frequency(0.1125, 400) == "45 of 400"
    assert phrases.frequency(0.112, 400) == "about 45 of 400"  # a mean over seeds
    assert phrases.frequency_range(0.084, 0.148, 4000) == "336 to 592 of 4,000"


def test_differences_have_a_minus_and_zero_has_no_sign() -> None:
    assert phrases.points(0.0123) == "1.2" and phrases.points(-0.008) == "−0.8"
    assert phrases.points(-0.0001) == "0.0"
    assert phrases.points_range(-0.008, 0.031) == "−0.8 to 3.1"


def test_lists_name_a_few_and_count_the_others() -> None:
    assert phrases.listed([]) == "" and phrases.listed(["a"]) == "a"
    assert phrases.listed(["a", "b", "c"]) == "a, b and c"
    assert phrases.listed(["a", "b", "c", "d"], limit=2) == "a, b and 2 more"


def test_nouns_agree_with_their_number() -> None:
    assert phrases.counted(1, "text") == "1 text" and phrases.counted(2000, "text") == "2,000 texts"
    assert phrases.counted(2, "copy", "copies") == "2 copies"


def test_budgets_are_in_minutes() -> None:
    assert phrases.time_allowed(90) == "90 seconds" and phrases.time_allowed(900) == "15 minutes"


def test_sentences_begin_large_and_end_with_a_stop() -> None:
    assert phrases.sentence("word counts won") == "Word counts won." and phrases.sentence("Why?") == "Why?"
