"""What the keys of a recipe mean: layers, examples, steps and evaluations, by hand."""

from __future__ import annotations

import pytest

from bertfit.config import recipe_semantics


@pytest.mark.parametrize(
    ("layers", "word", "number", "single"),
    [
        ("last", "last", None, True), ("all", "all", None, False), ("first4", "first", 4, False),
        ("last12", "last", 12, False), ("0", "", 0, True), ("11", "", 11, True),
    ],
)  # fmt: skip
def test_names_of_layers(layers: str, word: str, number: int | None, single: bool) -> None:
    assert recipe_semantics.layer_name(layers) == (word, number)
    assert recipe_semantics.is_single_layer(layers) is single


def test_examples_and_evaluations() -> None:
    assert recipe_semantics.training_examples(25_000, 0.004, None) == 100
    assert recipe_semantics.training_examples(25_000, 1.0, 30_000) == 30_000, "more than there are is told elsewhere"
    assert recipe_semantics.validation_examples(100, 0.25) == 25
    assert recipe_semantics.evaluations(10, 4, None) == 3 and recipe_semantics.evaluations(10, 4, 5) == 2


@pytest.mark.parametrize(
    ("layers", "numbers"),
    [
        ("last", [5]),
        ("all", [0, 1, 2, 3, 4, 5]),
        ("first4", [0, 1, 2, 3]),
        ("last4", [2, 3, 4, 5]),
        ("0", [0]),
        ("3", [3]),
    ],
)
def test_numbers_of_layers(layers: str, numbers: list[int]) -> None:
    assert recipe_semantics.layer_numbers(layers, 6) == numbers
    assert recipe_semantics.computed_layers(layers, 6) == numbers[-1] + 1


def test_steps_of_a_training_by_hand() -> None:
    """25,000 examples in batches of 24 are 1042 steps an epoch, the last of 16 examples."""
    assert recipe_semantics.training_steps(4, 1042, None, 0) == 4168
    assert recipe_semantics.training_steps(1.5, 1042, None, 0) == 1042 + 521
    assert recipe_semantics.training_steps(0.001, 1042, None, 0) == 2, "rounded up to a batch"
    assert recipe_semantics.training_steps(4, 1042, 100, 0) == 100
    assert recipe_semantics.training_steps(4, 5, None, 60) == 60 == recipe_semantics.training_steps(4, 5, 20, 60)
    assert recipe_semantics.schedule_steps(25_000, 24, 4, None, 0) == 4166, "as in the official code"
    assert recipe_semantics.schedule_steps(10, 24, 1, None, 0) == 1
    assert recipe_semantics.schedule_steps(100, 24, 4, 50, 60) == 60


def test_a_hierarchical_truncation_reads_the_whole_text() -> None:
    ways = ("head", "tail", "head+tail", "hier-mean", "hier-max", "hier-attention")
    assert [way for way in ways if recipe_semantics.is_hierarchical(way)] == ["hier-mean", "hier-max", "hier-attention"]
