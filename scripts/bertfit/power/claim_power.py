"""The probability that a study decides its claims, before it runs, for stated true errors.

Two truths: the paper's own numbers, and no effect at all, in which all ways to train on a corpus have the same error.
Each claim is decided many times on drawn results (`drawn_errors`), by the tests and rules of `claims`. Left out are
failed runs, the seed of further pre-training, and texts that are not independent.

Shapes: R repetitions of the study, C comparisons of a claim. Errors are shares, those of the paper in percent.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean

import numpy as np

from bertfit.claims.assess import Finding, Paper
from bertfit.claims.claim_schema import Contrast, PublishedKey, Question, Runs
from bertfit.claims.verdicts import complete
from bertfit.evaluation.results_file import number
from bertfit.evaluation.results_file import published as published_values
from bertfit.power import drawn_tests, spreads
from bertfit.power.drawn_errors import TestSet, Way
from bertfit.power.drawn_tests import Differences
from bertfit.power.power_schema import Chances, ClaimPower, PowerSpec
from bertfit.power.spreads import Measured, Spread
from bertfit.statistics.difference import Difference

REPETITIONS = 2000
LOWEST, HIGHEST = 1e-4, 0.95  # errors between which normal numbers are drawn
Group = tuple[str, str, str]
"""corpus, encoder, recipe"""
Truth = Mapping[Group, float]
"""the true error of each run group"""
SEEN = Difference(0.0, 1.0, 1.0, 1, 2)  # stands for any effect: whether claims are complete depends on there being one


def compute(
    spec: PowerSpec, published: Path, stated: Path, repetitions: int = REPETITIONS
) -> tuple[list[ClaimPower], str]:
    """The power of each claim that compares errors, and on which spreads it rests, for readers.

    ``published`` is ``paper/published.csv``, ``stated`` ``paper/spreads.yaml``. Results of the study, if there are any,
    take the place of the stated errors and spreads. Raises `UserError` where one of the files is damaged.
    """
    if not spec.questions:
        return [], ""
    spread = spreads.load(stated).of(spec.study)
    seen = spreads.measured(Path(spec.root) / "results.parquet", spread)
    keys = {runs.paper[0] for question in spec.questions for runs in question.runs if runs.paper}
    keys |= {key for question in spec.questions for contrast in question.contrasts for key, _, _ in contrast.quoted}
    paper = {(key, *cell): value for key in sorted(keys) for cell, value in published_values(published, key).items()}
    power = _Power(spec, paper, spread, seen, repetitions)
    return [power.of(question) for question in spec.questions if any(each.columns for each in question.contrasts)], (
        _basis(spread, seen)
    )


def _basis(spread: Spread, seen: Measured | None) -> str:
    """On which errors and spreads the probabilities rest, for readers."""
    shares = spread.disagreement
    stated = (
        f"two models with error p disagree on {shares.seeds:g} p (1 - p) of the texts (two seeds), {shares.recipes:g} "
        f"p (1 - p) (two recipes) or {shares.encoders:g} p (1 - p) (two encoders)"
    )
    file = "paper/spreads.yaml, with sources"
    if seen and seen.between_seeds is not None:
        between = f"{seen.between_seeds:.3f}"
        return (
            f"errors, and standard deviation between seeds ({between}, probit scale), of this study; {stated}: {file}"
        )
    between = ", ".join(f"{deviation:g} from {count:,}" for count, deviation in sorted(spread.seeds.items()))
    errors = "errors of this study; " if seen else ""
    return f"{errors}standard deviation between seeds (probit scale), by training examples: {between}; {stated}: {file}"


class _Power:
    """Probabilities of the claims of one study."""

    def __init__(self, spec: PowerSpec, paper: Paper, spread: Spread, seen: Measured | None, repetitions: int) -> None:
        self.spec, self.paper, self.spread, self.seen, self.repetitions = spec, paper, spread, seen, repetitions
        self.levels = self._levels()

    def of(self, question: Question) -> ClaimPower:
        """The power of one claim."""
        contrasts = [contrast for contrast in question.contrasts if contrast.columns]
        corpora = list(dict.fromkeys(corpus for contrast in contrasts for corpus in contrast.corpora))
        seeds = {corpus: min(self._seeds(contrasts, corpus)) for corpus in corpora}
        texts = [self.spec.test_texts.get(corpus) for corpus in corpora]
        record = ClaimPower(
            id=question.id,
            kind=contrasts[0].kind,
            margin=contrasts[0].margin,
            seeds=min(seeds.values()),
            single_seed=[corpus for corpus in corpora if seeds[corpus] == 1],
            texts=None if None in texts else min(filter(None, texts)),
            paper=None,
            none=None,
            reason="",
        )
        if reason := self._impossible(contrasts, texts):
            return record.model_copy(update={"reason": reason})
        chances = {"none": self._chances(question, self._no_effect(contrasts), "none")}
        truth = self._of_paper(contrasts)
        if isinstance(truth, str):
            return record.model_copy(update={**chances, "reason": truth})
        chances["paper"] = self._chances(question, truth, "paper")
        return record.model_copy(update=chances)

    # ------------------------------------------------------------------------------------------ true errors

    def _of_paper(self, contrasts: Sequence[Contrast]) -> Truth | str:
        """The paper's errors, or which of them are missing."""
        truth: dict[Group, float] = {}
        lacking: list[str] = []
        for runs in _runs(contrasts):
            error = self._published(runs.paper)
            if isnan(error):
                lacking.append(f"{runs.encoder}, {runs.recipe}, {runs.corpus}")
            truth.setdefault(_group(runs), error)
        named = list(dict.fromkeys(lacking))
        return f"the paper has no error of {len(named)} of the ways" if named else truth

    def _no_effect(self, contrasts: Sequence[Contrast]) -> Truth:
        """One error for all ways that have the same number of training examples of a corpus.

        That of a quoted system they are compared with, else of this study's results, else the mean of the paper's.
        """
        groups = {_group(runs): runs for runs in _runs(contrasts)}
        found: dict[tuple[str, int], list[float]] = {}
        for group, runs in groups.items():
            published = self._published(runs.paper)
            if not isnan(published):
                found.setdefault((runs.corpus, self._examples(group)), []).append(published)
        fixed = dict(self.seen.errors) if self.seen else {}
        for contrast in contrasts:
            for column, key in zip(contrast.columns, contrast.quoted, strict=False):
                fixed[column[0].corpus] = self._published(key)

        def error(group: Group) -> float:
            level = self.levels.get(group[0], self.spread.error / 100)
            return fixed.get(group[0], fmean(found.get((group[0], self._examples(group)), [level])))

        return {group: min(max(error(group), LOWEST), HIGHEST) for group in groups}

    def _published(self, key: PublishedKey | None) -> float:
        """A published error; nan where there is none."""
        return number(self.paper.get(key) if key else None) / 100

    def _levels(self) -> dict[str, float]:
        """Corpus -> the median of the paper's errors on it."""
        found: dict[str, list[float]] = {}
        for question in self.spec.questions:
            for runs in question.runs:
                error = self._published(runs.paper)
                if not isnan(error):
                    found.setdefault(runs.corpus, []).append(error)
        return {corpus: float(np.median(errors)) for corpus, errors in found.items()}

    # ------------------------------------------------------------------------------------------ simulation

    def _chances(self, question: Question, truth: Truth, name: str) -> Chances:
        """How often the claim holds, and how often it does not, if these are the true errors."""
        contrasts = [contrast for contrast in question.contrasts if contrast.columns]
        sets = self._test_sets(contrasts, truth, np.random.default_rng(zlib.crc32(f"{question.id} {name}".encode())))
        p_values = [
            drawn_tests.for_and_against(contrast.kind, contrast.margin, self._effect(contrast, truth, sets))
            for contrast in contrasts
        ]
        support, against = (np.stack([pair[side] for pair in p_values], axis=1) for side in (0, 1))
        findings = [Finding(contrast, SEEN if contrast.columns else None) for contrast in question.contrasts]
        holds, refuted = drawn_tests.decided(support, against, complete=complete(findings))
        return Chances(holds=round(float(holds.mean()), 4), refuted=round(float(refuted.mean()), 4))

    def _test_sets(
        self, contrasts: Sequence[Contrast], truth: Truth, random: np.random.Generator
    ) -> dict[str, tuple[TestSet, list[Group]]]:
        """Corpus -> drawn results of all run groups on it, in the order of these."""
        seeds: dict[Group, Runs] = {}
        for runs in _runs(contrasts):
            seeds.setdefault(_group(runs), runs)
        sets = {}
        for corpus in dict.fromkeys(corpus for corpus, _, _ in seeds):
            groups = [group for group in seeds if group[0] == corpus]
            ways = [self._way(group, seeds[group], truth[group]) for group in groups]
            drawn = TestSet(random, ways, self.spec.test_texts[corpus], self.spread, self.repetitions)
            sets[corpus] = (drawn, groups)
        return sets

    def _way(self, group: Group, runs: Runs, error: float) -> Way:
        between = self.spread.between_seeds(self._examples(group))
        if self.seen and self.seen.between_seeds is not None:
            between = self.seen.between_seeds
        return Way(runs.encoder, error, tuple(runs.seeds), None if runs.constant else between)

    def _effect(self, contrast: Contrast, truth: Truth, sets: Mapping[str, tuple[TestSet, list[Group]]]) -> Differences:
        parts = []
        for index, column in enumerate(contrast.columns):
            drawn, groups = sets[column[0].corpus]
            weights: dict[int, int] = {}
            for runs in column:
                place = groups.index(_group(runs))
                weights[place] = weights.get(place, 0) + runs.weight
            part = drawn.difference(weights)
            if contrast.quoted:
                part = part.below_published(self._published(contrast.quoted[index]))
            parts.append(part)
        return drawn_tests.average(parts)

    # ------------------------------------------------------------------------------------------ what is there

    def _impossible(self, contrasts: Sequence[Contrast], texts: Sequence[int | None]) -> str:
        """Why nothing is computed; empty if it can be."""
        if contrasts[0].kind in ("fails", "fails more often"):
            return "about failed runs"
        if any(runs.reading == "training" for runs in _runs(contrasts)):
            return "about training errors"
        if None in texts:
            return "the number of test texts is not known yet"
        if any(isnan(self._published(key)) for contrast in contrasts for key in contrast.quoted):
            return "no published error of a quoted system"
        if any(not _common(column) for contrast in contrasts for column in contrast.columns):
            return "runs without a seed in common"
        return ""

    def _seeds(self, contrasts: Sequence[Contrast], corpus: str) -> list[int]:
        """Common seeds of each column of a corpus."""
        return [
            len(_common(column)) for contrast in contrasts for column in contrast.columns if column[0].corpus == corpus
        ]

    def _examples(self, group: Group) -> int:
        return self.spec.training_examples.get("/".join(group), 0)


def _runs(contrasts: Sequence[Contrast]) -> list[Runs]:
    return [runs for contrast in contrasts for column in contrast.columns for runs in column]


def _group(runs: Runs) -> Group:
    return runs.corpus, runs.encoder, runs.recipe


def _common(column: Sequence[Runs]) -> set[int]:
    """Seeds that the runs of a column share, apart from those without randomness."""
    varied = [set(runs.seeds) for runs in column if not runs.constant]
    return set.intersection(*varied) if varied else {0}
