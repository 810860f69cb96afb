"""Probable label errors of a training split: texts whose label is improbable to a classifier that has not seen them.

After cleanlab (Northcutt et al. 2021, "Confident learning"). The classifier is the mean of two logistic regressions, on
word counts and on the mean states of the frozen encoder (`mean_states`), with cross-validation.
Shapes: R texts, C classes.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from cleanlab import multilabel_classification, rank
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bertfit.analysis import cross_validation, mean_states
from bertfit.analysis.cross_validation import FOLDS, Features, Members
from bertfit.clusters import partitions
from bertfit.config.corpus_schema import TextForm
from bertfit.core import files, label_sets
from bertfit.core.errors import UserError
from bertfit.core.formatting import spreadsheet_safe, spreadsheet_safe_label
from bertfit.data import splits
from bertfit.texts.stored_texts import StoredTexts
from bertfit.tokens import token_file
from bertfit.word_counts import ngrams

log = logging.getLogger(__name__)

COLUMNS = ("row", "text", "given", "suggested", "probability of given", "probability of suggested", "score")
LISTED = (100, 0.2)
"""texts that are listed: at least this number, and this share"""
MOST_ENCODED = {"cpu": 20_000, "cuda": 1_000_000}
"""texts up to which the encoder is used; of more, the words alone: minutes on one core"""
C_WORDS, C_STATES = 3.0, 1.0  # inverse L2 penalties; best of 1, 3, 10 with a tenth of AG's labels changed
CHARACTERS = 300  # of a text


@dataclass(frozen=True)
class Labels:
    """The labels of a split; ``several``: whether a text may have several."""

    names: list[str]
    members: Members
    several: bool

    @classmethod
    def of(cls, table: pa.Table) -> Labels:
        """Those of a normalised table."""
        names, sets = json.loads(table.schema.metadata[b"label_names"]), label_sets.read(table.schema.metadata)
        of_numbers = np.eye(len(names), dtype=bool) if sets is None else label_sets.members(sets, len(names))
        return cls(names, of_numbers[table["label"].to_numpy()], sets is not None)

    def text(self, has: NDArray[np.bool_]) -> str:
        """The names of the classes ``has`` (C,), separated by semicolons."""
        return "; ".join(name for name, one in zip(self.names, has, strict=True) if one)


def build(*, train: Path, tokens: Path, encoder: Path, form: TextForm, out: Path, threads: int) -> None:
    """Write the most suspicious texts of a training split as CSV, with `COLUMNS`, the most suspicious first.

    ``row`` is the number in the user's file, from 1, if the split says so (`splits.ROW`), else in the split.
    ``suggested``: the most probable label; of several labels a text those from a probability of 0.5 on. ``score``: 1
    for a label that is sure to be right; with one label a text it is the probability of the given one. Of several, the
    ``probability of given`` is that of the most doubtful one: that it is as given, present or absent.

    Texts of a class that has fewer than `FOLDS` different texts are not judged. ``tokens`` are those of ``train``,
    ``encoder`` is an encoder folder with their vocabulary. Raises `UserError` if they do not fit together.
    """
    table = pq.read_table(train)
    labels, groups = Labels.of(table), _groups(table)
    judged = _judged(labels, groups)
    rows = np.flatnonzero(judged)
    found = pd.DataFrame(columns=list(COLUMNS))
    if len(np.unique(groups[rows])) >= 2 * FOLDS:
        with threadpool_limits(threads):
            features = [
                Features(each.matrix[rows], each.c) for each in _features(train, tokens, encoder, form, threads)
            ]
            given = Labels(labels.names, labels.members[rows], labels.several)
            probability = cross_validation.probabilities(features, given.members, groups[rows], several=labels.several)
        found = _listed(given, probability, score(given, probability))
        position = rows[found["position"].to_numpy()]
        found["row"] = splits.row_numbers(table)[position]
        texts = dict(zip(np.sort(position), StoredTexts(train, form, np.sort(position)), strict=True))
        found["text"] = [texts[number][:CHARACTERS] for number in position]
    if len(rows) < len(judged):
        log.warning(
            "%d of %d texts are of classes too small to judge their labels", len(judged) - len(rows), len(judged)
        )
    found["text"] = found["text"].map(spreadsheet_safe)
    for column in ("given", "suggested"):
        found[column] = found[column].map(spreadsheet_safe_label)
    with files.atomic(out) as temporary:
        found.to_csv(temporary, columns=list(COLUMNS), index=False, float_format="%.4f")


def score(labels: Labels, probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R,) cleanlab's quality of each text's label, from the ``probability`` (R, C) of the classes."""
    if labels.several:
        given = [np.flatnonzero(has).tolist() for has in labels.members]
        return multilabel_classification.get_label_quality_scores(given, probability)
    return rank.get_label_quality_scores(labels.members.argmax(axis=1), probability, method="self_confidence")


def _groups(table: pa.Table) -> NDArray[np.int32]:
    """(R,) number of the group of each text: equal texts, and those of one declared group."""
    rows = splits.rows(table)
    texts = partitions.of_groups(rows.texts)
    return texts if rows.groups is None else partitions.joined(texts, partitions.of_groups(rows.groups))


def _judged(labels: Labels, groups: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(R,) which texts have only classes that are `cross_validation.learnable`."""
    too_small = ~cross_validation.learnable(labels.members, groups)
    return np.logical_not(labels.members[:, too_small].any(axis=1))


def _features(train: Path, tokens: Path, encoder: Path, form: TextForm, threads: int) -> list[Features]:
    """Word counts, where the texts have words, and the states of the encoder, unless there are too many texts."""
    texts = StoredTexts(train, form)
    features = []
    try:
        vectorizer = ngrams.fit(texts, ngrams.unit("default", form.language, texts), train)
        features.append(Features(ngrams.transform(vectorizer, texts), C_WORDS))
    except ngrams.NoWordsError as error:
        log.info("no word counts: %s", error)
    read = token_file.read(tokens)
    if len(read) != len(texts):
        raise UserError(f"{tokens}: {len(read)} texts, and {train} has {len(texts)}; delete it and run again")
    device = mean_states.device(threads)
    if features and len(read) > MOST_ENCODED[device.type]:
        log.info("%d texts are too many for the encoder on this machine: word counts alone", len(read))
    else:
        features.append(Features(mean_states.encode(read, encoder, device), C_STATES))
    return features


def _listed(labels: Labels, probability: NDArray[np.float64], quality: NDArray[np.float64]) -> pd.DataFrame:
    """The listed texts, by ascending ``quality`` (R,): ``position``, labels, probabilities and score."""
    fewest, share = LISTED
    position = np.argsort(quality, kind="stable")[: max(fewest, round(share * len(quality)))]
    given, probability = labels.members[position], probability[position]
    if labels.several:
        suggested = probability >= 0.5
        of_given, of_suggested = (np.where(has, probability, 1 - probability).min(axis=1) for has in (given, suggested))
    else:
        suggested = np.eye(len(labels.names), dtype=bool)[probability.argmax(axis=1)]
        of_given, of_suggested = (probability.max(axis=1, where=has, initial=0) for has in (given, suggested))
    return pd.DataFrame(
        {
            "position": position,
            "given": [labels.text(has) for has in given],
            "suggested": [labels.text(has) for has in suggested],
            "probability of given": of_given,
            "probability of suggested": of_suggested,
            "score": quality[position],
        }
    )
