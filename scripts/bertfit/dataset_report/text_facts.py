"""The user's texts in numbers: rows by split and class, lengths, language, copies, and how a test split came about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertfit.config.layout_schema import Join, TextForm
from bertfit.core.errors import plain
from bertfit.data.corpus_card import CorpusCard
from bertfit.dataset_report.phrases import counted, listed, percent
from bertfit.experiments.job_specs import SizeDifference
from bertfit.suitability import advice
from bertfit.suitability.coverage import Coverage
from bertfit.texts.stored_texts import StoredTexts, evenly_spaced

SAMPLE = 2_000
"""texts of which lengths are measured"""
SIZES = {
    "finetune.max_length": "word pieces of a text that are read",
    "finetune.head_tokens": "of these from the beginning of a long text, the others from its end",
    "finetune.epochs": "times that each training text is read, at most",
    "finetune.lr": "learning rate",
    "pretrain.max_length": "word pieces of a text in further pre-training",
    "pretrain.steps": "steps of further pre-training",
}
"""hyperparameter -> what it is"""


@dataclass(frozen=True)
class ClassRows:
    """Rows of a class in both splits; ``share`` of the rows of the largest class in training, of 1."""

    name: str
    train: int
    test: int
    share: float


@dataclass(frozen=True)
class SizeRow:
    """A hyperparameter that is not the paper's."""

    what: str
    here: str
    paper: str


def class_rows(card: CorpusCard) -> list[ClassRows]:
    """Rows of each class, in the order of their numbers."""
    train, test = card.splits["train"].classes, card.splits["test"].classes
    largest = max(train.values(), default=0) or 1
    return [
        ClassRows(name, train.get(name, 0), test.get(name, 0), train.get(name, 0) / largest)
        for name in card.label_names
    ]


def facts(card: CorpusCard, train: Path | None, coverage: Coverage | None = None) -> list[tuple[str, str]]:
    """Names and values of what is known of the texts.

    ``train``: the training split, for their lengths; ``coverage``: for language, scripts and what the encoder knows.
    """
    found = [("File", listed(_files(card))), ("Test texts", _test_split(card))]
    if train is not None:
        found += lengths(StoredTexts(train, TextForm(text=Join(fields=card.fields), pair=None)))  # type: ignore[call-arg]
    if coverage is not None:
        found += zip(("Language", "Encoder"), advice.sentences(coverage), strict=False)
    clusters = card.clusters
    copies = f"{counted(card.duplicates_in_train, 'copy', 'copies')} among the training texts; "
    copies += f"{counted(card.test_texts_in_train, 'test text')} also in training word for word"
    if clusters:
        copies += f", {clusters.near_duplicates_in_train:,} nearly"
    found += [("Copies", copies), ("Different labels for one text", counted(card.texts_of_several_labels, "text"))]
    if clusters and clusters.group is not None:
        found.append(("Rows that belong together", f"by column {clusters.group}"))
    empty = sum(split.empty for split in card.splits.values())
    return found + ([("Without text", counted(empty, "row"))] if empty else [])


def lengths(texts: Collection[str]) -> list[tuple[str, str]]:
    """Lengths in characters of a sample of `SAMPLE` texts."""
    sample = [len(text) for text in evenly_spaced(texts, SAMPLE)]
    if not sample:
        return []
    median, ninth, longest = np.quantile(sample, [0.5, 0.9, 1]).round().astype(int)
    shown = f"half of them up to {median:,} characters, nine of ten up to {ninth:,}, the longest {longest:,}"
    return [("Length", shown)]


def sizes(differences: Collection[SizeDifference]) -> list[SizeRow]:
    """What was chosen for the texts, the encoder and the budget instead of the paper's value."""
    return [SizeRow(SIZES.get(each.key, each.key), _number(each.here), _number(each.paper)) for each in differences]


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _files(card: CorpusCard) -> list[str]:
    if card.source.kind == "local" or card.source.kind == "package":
        return [plain(file.path) for file in card.source.files.values()]
    return [card.title]


def _test_split(card: CorpusCard) -> str:
    if card.by_time:
        return f"the last ones by column {card.by_time.column}, from {card.by_time.first} on"
    held_out = card.held_out
    if held_out is None:
        return "a file of their own"
    grouped = card.clusters is not None and card.clusters.group is not None
    what = "rows, whole groups" if grouped else "distinct texts"
    return f"{percent(held_out, 0)} of the {what}, held out by class before training"
