"""Sizes of the search on your own dataset: lengths, rounds, epochs and pre-training steps that fit a budget."""

from __future__ import annotations

import pytest

from bertfit.core.errors import UserError
from bertfit.own_dataset import search_budget
from bertfit.own_dataset.search_budget import Dataset, EncoderShape, TrainingMachine

SMALL = EncoderShape(6, 384)
CPU = TrainingMachine("cpu", 2)
CANDIDATES = {
    "words": {"counts": "words"},
    "plain": {},
    "slower": {},
    "layers": {},
    "further": {"pretrained": True},
}
STUDY = {
    "finetune": {"epochs": 4, "batch_size": 24, "minimum_steps": 60},
    "pretrain": {"batch_size": 32},
    "own": {"candidates": CANDIDATES},
}


def planned(rows: int, budget: float, lengths: tuple[int, ...] = tuple(range(10, 110)), **more: object):
    return search_budget.plan(Dataset(lengths, 0.64 * rows, rows), STUDY, SMALL, CPU, budget, **more)


@pytest.mark.parametrize(
    ("given", "seconds"), [("15m", 900), ("15", 900), (15, 900), ("90s", 90), ("1.5h", 5400), ("2 min", 120)]
)
def test_budgets(given: object, seconds: float) -> None:
    assert search_budget.seconds(given) == seconds


@pytest.mark.parametrize("given", ["", "soon", "10s", "0m", "5d", "-3m"])
def test_what_is_no_budget(given: str) -> None:
    with pytest.raises(UserError, match="give a time of at least a minute, such as 15m"):
        search_budget.seconds(given)


def test_lengths_by_hand() -> None:
    """Lengths 10 to 109: 95 % have at most 105, with [CLS] and [SEP] 107, which is cut at 112."""
    assert planned(1000, 900).finetune["max_length"] == 112
    assert planned(1000, 900).finetune["head_tokens"] == 27
    assert planned(1000, 900, positions=64).max_length == 64, "no more than the encoder has positions"
    assert planned(1000, 900, lengths=(2000,)).max_length == 128
    gpu = TrainingMachine("gpu", 8)
    long = search_budget.plan(Dataset([2000], 20_000, 25_000), STUDY, EncoderShape(12, 768), gpu, 7200)
    steps = long.pretraining_steps
    assert long.max_length == 512 and long.pretrain == {"max_length": 128, "steps": steps, "head_steps": steps // 4}
    assert planned(1000, 900, lengths=(1,)).max_length == 32


def test_a_larger_budget_trains_longer() -> None:
    plans = [planned(20_000, budget) for budget in (900, 1800, 3600, 36_000)]
    assert plans[-1].rounds == [4.0] and plans[-1].keep == [4]
    assert [plan.rounds[-1] for plan in plans] == sorted(plan.rounds[-1] for plan in plans)
    for plan, budget in zip(plans, (900, 1800, 3600, 36_000), strict=True):
        assert plan.seconds <= budget
        assert plan.rounds == sorted(plan.rounds) and len(plan.keep) == len(plan.rounds)


def test_each_round_has_half_the_candidates_and_twice_the_epochs() -> None:
    plan = next(plan for budget in range(300, 7200, 50) if len((plan := planned(5000, budget)).rounds) == 3)
    first, second, third = plan.rounds
    assert second == pytest.approx(2 * first, rel=0.05) and third == pytest.approx(2 * second, rel=0.05)
    assert plan.keep == [4, 2, 1], "candidates with an encoder"


def test_a_small_budget_has_time_for_some_candidates_alone() -> None:
    """Each takes the minimum of steps, so that a second round would repeat the first."""
    assert planned(40, 700).keep == [4] and planned(40, 700).rounds == [4.0]
    assert planned(40, 300).keep == [3] and planned(40, 60).keep == [2]


def test_patience_is_for_trainings_whose_length_is_their_epochs() -> None:
    assert planned(40, 900).patience is None, "the 60 steps are many epochs of a few steps"
    assert planned(5000, 7200).patience == search_budget.PATIENCE


def test_pretraining_takes_a_part_of_the_budget_at_most() -> None:
    plan = planned(50_000, 900)
    seconds = CPU.training_seconds(SMALL, 1.3 * 32 * 112 * plan.pretraining_steps, plan.pretraining_steps)
    assert seconds <= 1.05 * search_budget.PRETRAINING_SHARE * 900
    assert planned(20, 7200).pretraining_steps == 80, "four passes of 32: as often as the paper read IMDb"


@pytest.mark.parametrize(("rows", "share"), [(40, 0.5), (200, 0.5), (400, 0.25), (500, 0.2), (10_000, 0.2)])
def test_few_texts_need_a_larger_validation_share(rows: int, share: float) -> None:
    assert search_budget.validation_share(rows) == share
