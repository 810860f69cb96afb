"""The power of the declared claims: which are decided, wrong verdicts, and the margins of equality."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bertfit.claims.claim_schema import ABSENCE
from bertfit.experiments.registry import open_registry
from bertfit.power import claim_power
from bertfit.power.power_schema import ClaimPower, PowerSpec
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs
from conftest import ROOT

PUBLISHED, SPREADS = ROOT / "paper/published.csv", ROOT / "paper/spreads.yaml"


@cache
def spec(study: str, seeds: int | None = None) -> PowerSpec:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BERTFIT_DATA", raising=False)
        given = {"study": study} | ({} if seeds is None else {"seeds": seeds})
        return PlanJobs(TrainingJobs(open_registry(given, ROOT, ROOT / "no results"))).power_spec()


@cache
def power(study: str, seeds: int | None = None) -> dict[str, ClaimPower]:
    found, _ = claim_power.compute(spec(study, seeds), PUBLISHED, SPREADS)
    return {each.id: each for each in found}


def test_large_effects_of_the_paper_are_found_and_small_ones_stay_open() -> None:
    found = power("paper")
    for claim in ("within-task-helps", "in-domain-helps", "features-worst", "large-best"):
        assert found[claim].paper.holds > 0.9, claim
    for claim in ("head-tail-best", "decay-helps", "last-layer-best"):
        assert found[claim].paper.open > 0.8, claim
    assert not any(each.single_seed for each in found.values()), "every verdict is about other seeds, too"


@pytest.mark.parametrize("study", ["paper", "compact", "miniature"])
def test_a_better_way_is_hardly_ever_found_where_all_are_equal(study: str) -> None:
    better = [each for each in power(study).values() if each.kind == "better" and each.none]
    assert len(better) > 15
    assert {each.id: each.none.holds for each in better if each.none.holds > 0.05} == {}


@pytest.mark.parametrize("study", ["paper", "compact", "miniature"])
def test_equal_ways_are_found_equal_with_the_declared_margins(study: str) -> None:
    """In more than half of the studies; imdb-and-yelp-no-help is to be refuted in the study miniature."""
    absence = [each for each in power(study).values() if each.kind in ABSENCE]
    refuted = {"miniature": {"imdb-and-yelp-no-help"}}.get(study, set())
    assert {each.id for each in absence if each.none.holds < 0.5} == refuted
    assert len(absence) >= (2 if study == "miniature" else 5)
    assert all(each.none.refuted < 0.05 for each in absence)


def test_single_seeds_are_told_and_reasons_given() -> None:
    found = power("paper", 1)
    assert found["head-tail-best"].single_seed == ["imdb"] and found["within-task-helps"].seeds == 1
    assert found["high-rate-fails"].none is None and found["high-rate-fails"].reason == "about failed runs"
    assert found["beats-word-counts"].paper is None and "paper has no error" in found["beats-word-counts"].reason
    assert found["small-corpus-harms"].texts == 500


def test_the_same_numbers_each_time_and_for_a_claim_alone() -> None:
    whole, one = spec("paper"), power("paper")["decay-helps"]
    (alone,) = (question for question in whole.questions if question.id == "decay-helps")
    found, basis = claim_power.compute(whole.model_copy(update={"questions": [alone]}), PUBLISHED, SPREADS)
    assert found == [one] and basis.startswith("standard deviation between seeds")
    assert claim_power.compute(whole.model_copy(update={"questions": []}), PUBLISHED, SPREADS) == ([], "")


def test_without_the_number_of_test_texts_nothing_is_computed() -> None:
    (each,) = claim_power.compute(_only("decay-helps", {"test_texts": {}}), PUBLISHED, SPREADS)[0]
    assert (each.texts, each.paper, each.none, each.reason) == (
        None, None, None, "the number of test texts is not known yet",
    )  # fmt: skip


def test_results_of_the_study_take_the_place_of_stated_spreads(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    names = ["corpus", "encoder", "recipe", "seed", "selection", "n", "error"]
    rows = [
        ("imdb", "b", f"r{r}", s, "last", 25_000, 30 + 2 * random.standard_normal())
        for r in range(9)
        for s in (1, 2, 3)
    ]
    pd.DataFrame(rows, columns=names).to_parquet(tmp_path / "results.parquet")
    found, basis = claim_power.compute(_only("last-four-equal", {"root": str(tmp_path)}), PUBLISHED, SPREADS)
    assert basis.startswith("errors, and standard deviation between seeds (0.0") and found[0].none.holds < 0.1


def _only(claim: str, update: dict[str, object]) -> PowerSpec:
    whole = spec("paper")
    questions = [question for question in whole.questions if question.id == claim]
    return whole.model_copy(update={"questions": questions, **update})
