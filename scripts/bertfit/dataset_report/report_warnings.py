"""Warnings of the report, each with its cure. Nothing is warned of where there is nothing to do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bertfit.core.errors import plain
from bertfit.dataset_report.answer import useless
from bertfit.dataset_report.dataset_files import DatasetFacts
from bertfit.dataset_report.phrases import counted, listed, percent, time_allowed

FEW_TEXTS = 50
"""test texts below which an error says little: its interval is about 20 points wide"""
NOTABLE = 0.02
"""share of the texts from which a fault of the data is warned of; section "Your texts" has the exact numbers"""


@dataclass(frozen=True)
class ReportWarning:
    """What is wrong, and what to do."""

    problem: str
    cure: str = ""


def warnings(facts: DatasetFacts) -> list[ReportWarning]:
    """All warnings, those that question the whole result first."""
    return [*_of_result(facts), *_of_classes(facts), *_of_encoder(facts), *_of_texts(facts), *_of_budget(facts)]


def _of_result(facts: DatasetFacts) -> Iterator[ReportWarning]:
    outcome = facts.outcome
    if outcome.one_class:
        yield ReportWarning(
            "All test texts have the same class, so the error on them says little.",
            "Give a test file with texts of all classes (TEST=), or none, so that one is held out by class.",
        )
    elif useless(facts):
        yield ReportWarning(
            f"The classifier may be no better than always answering {plain(outcome.constant.name)!r}.",
            "Check that the column of the labels is the right one, and give more labelled texts.",
        )
    if outcome.texts < FEW_TEXTS:
        yield ReportWarning(
            f"Only {counted(outcome.texts, 'text')} to test on: the error is known roughly at best.",
            f"Give more labelled texts, or a larger test file; {4 * FEW_TEXTS} test texts are a good start.",
        )


def _of_classes(facts: DatasetFacts) -> Iterator[ReportWarning]:
    outcome = facts.outcome
    if outcome.never:
        yield ReportWarning(
            f"Never answered, although test texts have {'it' if len(outcome.never) == 1 else 'them'}: "
            f"{listed(list(map(plain, outcome.never)))}.",
            "Give more texts with these labels, or merge them with similar ones.",
        )
    untested = [plain(label.name) for label in outcome.labels if not label.texts]
    if untested and not outcome.one_class:
        yield ReportWarning(
            f"No test text has {listed(untested)}: nothing is known of how well "
            f"{'it is' if len(untested) == 1 else 'they are'} recognised.",
            "Give more texts with these labels.",
        )


def _of_encoder(facts: DatasetFacts) -> Iterator[ReportWarning]:
    for text in facts.coverage.warnings if facts.coverage else []:
        problem, stop, cure = text.partition(". ")
        yield ReportWarning(problem + stop.rstrip(), cure)


def _of_texts(facts: DatasetFacts) -> Iterator[ReportWarning]:
    card, clusters = facts.card, facts.card.clusters
    train, test = card.splits["train"].rows, card.splits["test"].rows
    of_groups = clusters.texts_of_train_groups if clusters else None
    similar = max(card.test_texts_in_train, clusters.near_duplicates_in_train if clusters else 0)
    if _notable(of_groups or 0, test):
        assert clusters
        yield ReportWarning(
            f"{_share(of_groups or 0, test)} of the test texts have a value of {clusters.group!r} that training texts "
            "have, too; texts of new ones will be harder.",
            "Give a test file with other values of that column, or no test file.",
        )
    if _notable(similar, test):
        yield ReportWarning(
            f"{_share(similar, test)} of the test texts are in the training texts, too, word for word or nearly: "
            "on new texts the error will be higher.",
            "Remove copies from your file, or name the column that says which rows belong together (GROUP=).",
        )
    if _notable(card.texts_of_several_labels, train + test):
        number = counted(card.texts_of_several_labels, "text occurs", "texts occur")
        yield ReportWarning(
            f"{number} with different labels: at least one of them is wrong, or the texts alone do not tell.",
            "Look these texts up in your file and agree on one label each.",
        )


def _of_budget(facts: DatasetFacts) -> Iterator[ReportWarning]:
    choice = facts.choice
    if any(reason.startswith("no time") for reason in choice.left_out.values()):
        yield ReportWarning(
            f"The budget of {time_allowed(choice.budget)} ended before all candidates were trained to the end: "
            "a better one may be among them.",
            f"Run again with BUDGET={math.ceil(choice.budget / 30)}m.",
        )


def _notable(number: int, total: int) -> bool:
    return number > 0 and number >= NOTABLE * total


def _share(number: int, total: int) -> str:
    return f"{number:,} ({percent(number / total)})"
