"""What is known of the texts of a corpus when jobs are planned: their number, and what a recipe reads of them.

The better source comes first: the token file, the declared rows, the card, the lines of a local file, whose first texts
say how long they are. Files that do not exist yet, or are damaged, say nothing; no job depends on what is found here.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bertfit.config.corpus_schema import SPLITS, Split
from bertfit.config.hyperparameters import Finetune
from bertfit.config.recipe_semantics import (
    evaluations,
    is_hierarchical,
    most_fractions,
    training_examples,
    training_steps,
    validation_examples,
)
from bertfit.core import text_columns
from bertfit.core.errors import UserError
from bertfit.core.row_readers import Value
from bertfit.data import corpus_card
from bertfit.own_dataset import own_data
from bertfit.plan.flops import Load
from bertfit.workflow.training_jobs import TrainingJobs

ROWS = 100_000  # of a split of which nothing is known


@dataclass(frozen=True)
class SplitLoad:
    """Rows of a split, and what an encoder reads in one pass over it."""

    rows: int
    load: Load


@dataclass(frozen=True)
class CorpusSizes:
    """The sizes of the corpora of a study."""

    jobs: TrainingJobs

    def rows(self, corpus: str) -> dict[Split, int]:
        """Rows by split: those declared, else of the card, else at most those of the local files; else no entry."""
        rows = self.jobs.registry.declared_rows(corpus)
        if set(rows) < set(SPLITS):
            rows = {**self._rows_of_files(corpus), **self._rows_of_card(corpus), **rows}
        return rows

    def tokenised_at(self, corpus: str, encoder: str) -> tuple[int, ...]:
        """Times of the token files of both splits, 0 where there is none yet: `split` changes with them."""
        paths = [Path(self.jobs.tokens(corpus, encoder, split)) for split in SPLITS]
        return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in paths)

    def split(self, corpus: str, split: Split, encoder: str, recipe: Finetune) -> SplitLoad:
        """A split as a recipe reads it: by the token file, else `rows` or `ROWS` texts.

        Of a local file with one text column, these are as long as its first texts, else of the maximum length.
        """
        path = Path(self.jobs.tokens(corpus, encoder, split))
        if path.is_file() and (counted := _counted(path, path.stat().st_mtime_ns, recipe)):
            return counted
        rows = self.rows(corpus).get(split, ROWS)
        if (sampled := self._sampled(corpus, split)) and not is_hierarchical(recipe.truncation):
            return SplitLoad(rows, estimated(sampled, rows, recipe))
        return SplitLoad(rows, longest(rows * most_fractions(recipe.truncation, recipe.fractions), recipe))

    def _sampled(self, corpus: str, split: Split) -> tuple[int, ...]:
        """Estimated word pieces of the first texts of a file with one text column; else none."""
        if part := self.jobs.registry.corpus(corpus).source.part_of:
            return self._sampled(part.corpus, "train")
        declared = self.jobs.registry.corpus(corpus)
        local, files = declared.source.from_files, self._files(corpus)
        if local is None or declared.pair or len(declared.fields) != 1 or not files:
            return ()
        path = files.get(split) or files["train"]
        if not path.is_file() or local.format != "auto" or path.suffix.lower() not in text_columns.KINDS:
            return ()
        where = tuple(local.where.items())
        return _first_lengths(path, path.stat().st_mtime_ns, local.columns[declared.fields[0]], where)

    def _files(self, corpus: str) -> dict[str, Path]:
        """Split -> file that a corpus is read from, local or of a package."""
        source = self.jobs.registry.corpus(corpus).source
        files = source.files(None) if source.package else self.jobs.corpus_files(corpus)
        return {split: Path(path) for split, path in files.items()}

    def _rows_of_card(self, corpus: str) -> dict[Split, int]:
        try:
            card = corpus_card.read(Path(self.jobs.root) / "corpora" / corpus / "card.json")
        except UserError:
            return {}
        return {split: counts.rows for split, counts in card.splits.items()}

    def _rows_of_files(self, corpus: str) -> dict[Split, int]:
        """At most as many; a test split without a file is held out of the training split, its own or of another."""
        if part := self.jobs.registry.corpus(corpus).source.part_of:
            whole = self.rows(part.corpus)
            return {split: whole["train"] for split in SPLITS} if "train" in whole else {}
        source = self.jobs.registry.corpus(corpus).source.from_files
        where = tuple(source.where.items()) if source else ()
        counted = {
            split: _counted_rows(path, path.stat().st_mtime_ns, where)
            for split, path in self._files(corpus).items()
            if path.is_file()
        }
        rows = {split: count for split, count in counted.items() if count is not None}
        return {split: rows.get(split, rows["train"]) for split in SPLITS} if "train" in rows else {}


@dataclass(frozen=True)
class RunSize:
    """What one seed of a run does: updates, evaluations, and the rows that are held out for validation."""

    steps: int
    evaluations: int
    validated: int


def run_size(recipe: Finetune, rows: int) -> RunSize:
    """The size of a run on a training set of ``rows``."""
    used = used_examples(recipe, rows)
    epoch = math.ceil(used / recipe.batch_size)
    steps = training_steps(recipe.epochs, epoch, recipe.steps, recipe.minimum_steps)
    times = evaluations(steps, epoch, recipe.evaluate_every)
    return RunSize(steps, times, validation_examples(used, recipe.validation))


def used_examples(recipe: Finetune, rows: int) -> int:
    """Number of training examples that a recipe uses of ``rows``."""
    return min(rows, training_examples(rows, recipe.fraction, recipe.examples))


def longest(texts: float, recipe: Finetune) -> Load:
    """``texts`` sequences of the maximum length."""
    return Load(texts, texts * recipe.max_length, texts * recipe.max_length**2)


def estimated(lengths: Collection[int], texts: int, recipe: Finetune) -> Load:
    """``texts`` sequences as long as texts of ``lengths`` word pieces are when a recipe truncates them."""
    read = [min(length + 2, recipe.max_length) for length in lengths]
    return Load(len(read), sum(read), sum(length**2 for length in read)).times(texts / len(read))


@cache
def _first_lengths(
    path: Path, changed: int, column: str | int, where: tuple[tuple[str, Value], ...]
) -> tuple[int, ...]:
    try:
        return tuple(own_data.estimated_lengths(text_columns.read_column(path, column, dict(where))))
    except UserError:
        return ()


@cache
def _counted(path: Path, changed: int, recipe: Finetune) -> SplitLoad | None:
    from bertfit.plan import text_lengths  # imports pyarrow

    try:
        lengths = text_lengths.counted(path)
    except UserError:
        return None
    return SplitLoad(lengths.documents, lengths.load(recipe)) if lengths else None


@cache
def _counted_rows(path: Path, changed: int, where: tuple[tuple[str, Value], ...]) -> int | None:
    try:
        if where:
            return sum(1 for _ in text_columns.read_column(path, where[0][0], dict(where)))
        return text_columns.count_rows(path)
    except UserError:
        return None
