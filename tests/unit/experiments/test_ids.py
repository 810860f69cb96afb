from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertfit.config.hyperparameters import Finetune
from bertfit.core.errors import UserError
from bertfit.experiments import ids

DEFAULT = Finetune()

# Golden: these are folder names of results that people keep. A change here orphans them.
GOLDEN = {
    "default": {},
    "lr=5e-05": {"lr": 5e-5},
    "truncation=tail": {"truncation": "tail"},
    "lr=2.5e-05+truncation=hier-mean": {"lr": 2.5e-5, "truncation": "hier-mean"},
    "epochs=3+layer_decay=0.95": {"epochs": 3, "layer_decay": 0.95},
    "evaluate_every=100+reproduce_negative_lr=true+steps=5000": {
        "evaluate_every": 100,
        "reproduce_negative_lr": True,
        "steps": 5000,
    },
}


@pytest.mark.parametrize(("text", "differences"), GOLDEN.items())
def test_golden_recipes(text: str, differences: dict) -> None:
    recipe = Finetune(**differences)
    assert ids.format_recipe(recipe, DEFAULT) == text
    assert ids.parse_recipe(text, DEFAULT) == recipe


def test_head_and_tail_where_it_is_not_the_default() -> None:
    default = Finetune(truncation="head", steps=10)
    recipe = Finetune(truncation="head+tail", lr=1e-4)
    text = ids.format_recipe(recipe, default)
    assert text == "lr=0.0001+steps=none+truncation=head+tail"
    assert ids.parse_recipe(text, default) == recipe


RECIPES = st.builds(
    Finetune,
    truncation=st.sampled_from(["head", "tail", "head+tail", "hier-max"]),
    lr=st.floats(1e-9, 1, exclude_min=True),
    epochs=st.floats(0.01, 1000),
    steps=st.none() | st.integers(1, 10**6),
    batch_size=st.integers(1, 512),
)


@given(RECIPES, RECIPES)
def test_recipes_round_trip(recipe: Finetune, default: Finetune) -> None:
    text = ids.format_recipe(recipe, default)
    assert ids.parse_recipe(text, default) == recipe
    assert "/" not in text and "," not in text and len(text) < 100


@pytest.mark.parametrize("text", ["lr=5e-5", "lr=2e-05", "truncation=tail+lr=0.1", "depth=3", "lr=x", "lr=1+lr=1", ""])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises((UserError, ValueError)):
        ids.parse_recipe(text, DEFAULT)


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,10}", fullmatch=True)
SEEDS = st.none() | st.integers(0, 99)
STAGES = st.one_of(
    st.builds(ids.PretrainingStage, NAMES, st.integers(1, 10**6), SEEDS, st.none() | st.integers(1, 10**7)),
    st.builds(ids.MultitaskStage, NAMES, SEEDS),
)


@given(st.builds(ids.Lineage, NAMES, st.lists(STAGES, max_size=2).map(tuple)))
def test_encoders_round_trip(lineage: ids.Lineage) -> None:
    assert ids.parse_encoder(ids.format_encoder(lineage)) == lineage


GOLDEN_ENCODERS = {
    "bert-base": (),
    "bert-base~imdb@100k.s1~all@500.s3": (ids.PretrainingStage("imdb", 100_000), ids.PretrainingStage("all", 500, 3)),
    "bert-base~imdb@10kof500k.s1": (ids.PretrainingStage("imdb", 10_000, of=500_000),),
    "bert-base~imdb@10kof500k.each": (ids.PretrainingStage("imdb", 10_000, None, of=500_000),),
    "bert-base~all@100k.each~mt-four.each": (
        ids.PretrainingStage("all", 100_000, None),
        ids.MultitaskStage("four", None),
    ),
    "bert-base~all@100k.s1~mt-four.s1": (ids.PretrainingStage("all", 100_000), ids.MultitaskStage("four")),
}


@pytest.mark.parametrize(("text", "stages"), GOLDEN_ENCODERS.items())
def test_golden_encoders(text: str, stages: tuple) -> None:
    lineage = ids.Lineage("bert-base", stages)
    assert ids.format_encoder(lineage) == text and ids.parse_encoder(text) == lineage
    assert str(lineage.parent.base) == "bert-base" and lineage.parent.stages == stages[:-1]


@pytest.mark.parametrize("stage", ["imdb@100000.s1", "imdb@1k", "mt-four", "imdb@1kof.s1", "four.s1", "a@1keach"])
def test_other_spellings_of_stages_are_refused(stage: str) -> None:
    with pytest.raises(UserError, match="canonical|neither"):
        ids.parse_encoder(f"bert-base~{stage}")


def test_an_encoder_for_each_seed() -> None:
    text = "bert-base~all@100k.each~mt-four.each"
    assert ids.encoders_of(text, [2, 3]) == [f"bert-base~all@100k.s{seed}~mt-four.s{seed}" for seed in (2, 3)]
    assert ids.parse_encoder(text).varies and not ids.parse_encoder("bert-base~all@100k.s1").varies
    assert ids.encoders_of("bert-base~all@100k.s1", [2, 3]) == ["bert-base~all@100k.s1"]
    assert ids.encoders_of("bert-base", [2, 3]) == ["bert-base"]


def test_what_an_encoder_was_saved_from() -> None:
    assert ids.saved_from("bert-base~imdb@10kof500k.s4") == "bert-base~imdb@500k.s4"
    assert ids.saved_from("bert-base~imdb@10kof500k.s1") == "bert-base~imdb@500k.s1"
    assert ids.saved_from("bert-base~imdb@500k.s1") is None is ids.saved_from("bert-base")


@given(st.sets(st.integers(0, 200), min_size=1), st.integers(1, 7))
def test_blocks_keep_every_seed_and_their_borders(seeds: set[int], size: int) -> None:
    cut = ids.blocks(seeds, size)
    assert [seed for block in cut for seed in block] == sorted(seeds)
    assert all(len(block) <= size and ids.parse_block(ids.format_block(block)) == block for block in cut)
    grown = ids.blocks(seeds | {max(seeds) + 1}, size)
    assert grown[: len(cut) - 1] == cut[:-1], "a seed added at the end moves no earlier block"


@pytest.mark.parametrize("text", ["seeds2-1", "seeds1-20000", "seeds1-99999999999", "seeds" + "9" * 9000 + "-1", "all"])
def test_blocks_that_no_study_has(text: str) -> None:
    """Paths of an archive, which may come from anyone, are read without an effort that grows with their numbers."""
    with pytest.raises(UserError, match="is not a block of seeds such as seeds1-3") as error:
        ids.parse_block(text)
    assert len(str(error.value)) < 200
