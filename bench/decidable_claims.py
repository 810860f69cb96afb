"""Which claims a study can decide: writes docs/measured/power.md. Run it with ``make power``, half a minute.

For each choice of seeds of the study `paper` the hours on one H200, and the claims that it decides if the paper's
errors are the true ones; the smallest margins of equality that can be shown; the smallest gains that the study
`reviews` can find; and the power of each claim in four studies.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bertfit.claims.claim_schema import ABSENCE
from bertfit.core.files import write_text
from bertfit.core.formatting import table
from bertfit.experiments.registry import open_registry
from bertfit.plan import estimate, plan_page
from bertfit.plan.device_speed import PerStep
from bertfit.plan.plan_record import Speed
from bertfit.power import claim_power, spreads
from bertfit.power.drawn_errors import TestSet, Way
from bertfit.power.drawn_tests import for_and_against
from bertfit.power.power_schema import ClaimPower
from bertfit.statistics.significance import LEVEL
from bertfit.workflow.plan_jobs import PlanJobs
from bertfit.workflow.training_jobs import TrainingJobs

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED, SPREADS = ROOT / "paper/published.csv", ROOT / "paper/spreads.yaml"
PAGE = ROOT / "docs/measured/power.md"
STUDIES = ("paper", "compact", "miniature", "reviews")
CORPORA = ("imdb", "ag", "trec", "yelp_p", "yelp_f", "yahoo", "dbpedia", "sogou")
CHOICES: dict[str, tuple[int, ...]] = {
    "1 everywhere": (1, 1, 1, 1, 1, 1, 1, 1),
    "IMDb 3, AG 3, TREC 5, others 1": (3, 3, 5, 1, 1, 1, 1, 1),
    "2 everywhere": (2, 2, 2, 2, 2, 2, 2, 2),
    "IMDb 5, AG 5, TREC 5, others 2": (5, 5, 5, 2, 2, 2, 2, 2),
    "IMDb 5, AG 5, TREC 5, Yelp 3, others 2": (5, 5, 5, 3, 3, 2, 2, 2),
    "IMDb 5, AG 5, TREC 10, Yelp 3, others 2": (5, 5, 10, 3, 3, 2, 2, 2),
    "3 everywhere": (3, 3, 3, 3, 3, 3, 3, 3),
    "IMDb 5, AG 5, TREC 5, others 3": (5, 5, 5, 3, 3, 3, 3, 3),
    "5 everywhere": (5, 5, 5, 5, 5, 5, 5, 5),
}
"""seeds of each of `CORPORA`"""
FIRST = 42
MARGINS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0)
TEXTS = (500, 2500, 5000, 10_000, 25_000, 50_000)
ERRORS = (5, 10, 15)
GAINS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0)
"""of the study `reviews`, points"""
REVIEWS: dict[str, tuple[int, int]] = {"IMDb, training rows": (4000, 5000), "Sentences": (4000, 1706)}
"""its corpora: training and test texts"""
REVIEWS_ERRORS = (15, 20, 25)


def _each(value: float) -> PerStep[float]:
    return PerStep(finetune=value, evaluate=value, pretrain=value)


H200 = Speed(
    operations_per_second=_each(280e12),
    step_seconds=_each(0.0039),
    step_seconds_without_graphs=_each(0.055),
    cuda_graphs=True,
    device_type="cuda",
    start=20.0,
    source="docs/measured/gpu.md",
)


class Choice(NamedTuple):
    """What a choice of seeds costs, and the power of each claim."""

    jobs: int
    hours: float
    power: list[ClaimPower]


def planned(study: str, root: Path = ROOT) -> PlanJobs:
    """The jobs of a study below ``root``, without results."""
    return PlanJobs(TrainingJobs(open_registry({"study": study, "gpus": 1}, root, root / "none")))


def power_of(jobs: PlanJobs) -> tuple[list[ClaimPower], str]:
    """The power of the claims, and on which spreads it rests."""
    return claim_power.compute(jobs.power_spec(), PUBLISHED, SPREADS)


def chosen(seeds: Mapping[str, int], folder: Path) -> Choice:
    """The study `paper` with so many seeds of each corpus; ``folder`` is empty."""
    for name in ("config.yaml", "paper"):
        (folder / name).symlink_to(ROOT / name)
    studies = folder / "studies"
    studies.mkdir()
    (studies / "declared.yaml").symlink_to(ROOT / "studies/paper.yaml")
    corpora = {corpus: {"seeds": list(range(FIRST, FIRST + count))} for corpus, count in seeds.items()}
    (studies / "paper.yaml").write_text(json.dumps({"extends": "declared", "corpora": corpora}))
    jobs = planned("paper", folder)
    plan = estimate.build(jobs.spec(), estimate.averages(PUBLISHED), H200)
    return Choice(plan.total.jobs, plan.time.hours, power_of(jobs)[0])


def decided(power: Sequence[ClaimPower], probability: float) -> int:
    """Claims that are decided at least so likely if the paper's errors are true."""
    return sum(each.paper is not None and each.paper.holds + each.paper.refuted >= probability for each in power)


def wrongly(each: ClaimPower) -> float:
    """Probability of a wrong verdict where all ways to train are equal."""
    if each.none is None:
        return 0.0
    return each.none.refuted if each.kind in ABSENCE else each.none.holds


def row(name: str, choice: Choice) -> list[str]:
    """A line of the table of choices."""
    several = [each for each in choice.power if not each.single_seed]
    single = [each for each in choice.power if each.single_seed]

    def cells(power: Sequence[ClaimPower]) -> list[str]:
        if not power:
            return ["–"] * 4
        counts = [str(decided(power, probability)) for probability in (0.8, 0.5)]
        return [str(len(power)), *counts, f"{100 * max(map(wrongly, power)):.0f} %"]

    return [name, f"{choice.jobs:,}", f"{choice.hours:.0f}", *cells(several), *cells(single)]


def smallest_margin(texts: int, error: float, seeds: int, kind: Any) -> str:
    """Smallest of `MARGINS` with which two equal ways on 25,000 training texts are found so in half of the studies."""
    spread = spreads.load(SPREADS).of("paper")
    way = Way("encoder", error, tuple(range(seeds)), spread.between_seeds(25_000))
    drawn = TestSet(np.random.default_rng(1), [way, way], texts, spread, claim_power.REPETITIONS)
    effect = drawn.difference({0: -1, 1: 1})
    shown = (margin for margin in MARGINS if (for_and_against(kind, margin, effect)[0] < LEVEL).mean() >= 0.5)
    return f"{next(shown, float('nan')):g}"


def smallest_gain(training: int, texts: int, error: float, seeds: int) -> str:
    """Smallest of `GAINS` over a way with this error that is found in 80 % of the studies, in one comparison."""
    spread = spreads.load(SPREADS).of("reviews")
    for gain in GAINS:
        errors = (error - gain / 100, error)
        ways = [Way("encoder", each, tuple(range(seeds)), spread.between_seeds(training)) for each in errors]
        drawn = TestSet(np.random.default_rng(1), ways, texts, spread, claim_power.REPETITIONS)
        if (for_and_against("better", 0.0, drawn.difference({0: -1, 1: 1}))[0] < LEVEL).mean() >= 0.8:
            return f"{gain:g}"
    return f"over {GAINS[-1]:g}"


def page() -> Iterator[str]:
    """The lines of the page."""
    yield from INTRODUCTION.splitlines()
    head = ["seeds", "jobs", "hours", "claims", "80 %", "50 %", "wrong", "one seed: claims", "80 %", "50 %", "wrong"]
    rows = []
    for name, counts in CHOICES.items():
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(name, chosen(dict(zip(CORPORA, counts, strict=True)), Path(folder))))
        print(name, file=sys.stderr)
    yield from ["", *table(head, rows, "lr"), ""]
    yield from SEEDS.splitlines()
    yield from ["", "## Margins of equality", "", *MARGIN_TEXT.splitlines(), ""]
    lines = [
        [f"{texts:,}", f"{seeds}"]
        + [smallest_margin(texts, error / 100, seeds, kind) for error in ERRORS for kind in ABSENCE]
        for texts in TEXTS
        for seeds in (3, 5)
    ]
    columns = [f"{error} %: {kind}" for error in ERRORS for kind in ABSENCE]
    yield from table(["test texts", "seeds", *columns], lines, "r")
    yield from ["", "## Gains that the study of film reviews can find", "", *GAIN_TEXT.splitlines(), ""]
    lines = [
        [
            corpus,
            f"{texts:,}",
            str(seeds),
            *(smallest_gain(training, texts, error / 100, seeds) for error in REVIEWS_ERRORS),
        ]
        for corpus, (training, texts) in REVIEWS.items()
        for seeds in (3, 5, 10)
    ]
    yield from table(["corpus", "test texts", "seeds", *(f"{error} %" for error in REVIEWS_ERRORS)], lines, "lr")
    for study in STUDIES:
        yield from ["", f"## Study {study}", "", *plan_page.claims(*power_of(planned(study)))[:-1]]


INTRODUCTION = """\
# What the studies can decide

Written by `make power`. `snakemake plan` prints the tables of the last three sections for any study; what is simulated
is said in [Statistics](../explanation/statistics.md#what-the-studies-can-decide).

## Seeds of the paper's study

Hours of one H200 as [measured](gpu.md) (280 TFLOP/s and 3.9 ms a step, 55 ms where no CUDA graph is used; `gpus=1`).
80 %, 50 %: claims that are decided at least so likely if the paper's errors are the true ones; wrong: the most likely
wrong verdict of any claim if all ways to train on a corpus are equal. *One seed*: claims in which some corpus has one,
whose verdicts are about the trained models alone; the first four columns count the other claims."""

SEEDS = """\
The study is declared with 5 seeds of IMDb, AG and TREC, 3 of the Yelp corpora and 2 of the others. Two seeds
leave a claim about a single corpus one degree of freedom, which almost never decides it; claims about single corpora
concern IMDb, AG, TREC and Yelp. Means over corpora hardly gain by a third seed of the others. Most claims stay open
with any choice: gains of 0.02 to 0.1 points in the paper's tables are smaller than what seeds and test texts of this
number can show."""

MARGIN_TEXT = """\
Smallest margin, in points, with which two ways that are exactly equal are found equal (*equal*), or the first not
better (*not better*), in at least half of the studies, by test error: BERT-base, 25,000 training texts, one
comparison."""


GAIN_TEXT = """\
Smallest true gain, in points, that is found in at least 80 % of the studies, in one comparison, by the error of the
worse way. 4,000 training texts; spreads between seeds as of all-MiniLM-L6-v2, a guess for an encoder of two layers.
Five seeds find 1.5 to 1.75 points on IMDb, three find 2.5 to 4, ten 1 to 1.25 for twice the time. The margin
of the study is one point. Where the paper's gains are a few tenths of a point, its claims stay open here."""


if __name__ == "__main__":
    write_text(PAGE, "\n".join(page()) + "\n")
