"""Exports a trained classifier: its folder with a model card, its predictions on the test set, its worst mistakes.

Shapes: N test examples, C classes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bertfit.core import files, formatting
from bertfit.core.errors import UserError
from bertfit.data import corpus_card
from bertfit.evaluation.calibration import curve
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations, softmax
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import model_card
from bertfit.statistics import cluster_values

SETTINGS = "bertfit.json"
MAX_MISTAKES = 100  # that are written


def build(
    *,
    spec: DeliverySpec,
    models: Path,
    predictions: Path,
    test: Path,
    clusters: Path,
    corpus: Path,
    scores: Path,
    figure: Path,
    model: Path,
    answered: Path,
    mistakes: Path,
) -> None:
    """Write the folder ``model`` and the tables ``answered`` and ``mistakes`` (CSV).

    ``spec``: `DeliveryJobs.spec`; ``models`` and ``predictions`` are files of the run, ``test``, ``clusters`` and
    ``corpus`` (its card) of the corpus, ``scores`` those of the table of methods; ``figure``: the reliability diagram
    (PNG). The folder contains no text of the corpus. Raises `UserError` if the run lacks the seed.
    """
    evaluations = last_evaluations(read_evaluations(predictions))
    evaluation = next((last for last in evaluations if last.seed == spec.seed), None)
    if evaluation is None:
        raise UserError(f"{predictions}: no seed {spec.seed}; delete its folder and run again")
    card = corpus_card.read(corpus)
    table = _predictions(evaluation, card.label_names, test)
    for frame, path in ((table, answered), (_worst(table), mistakes)):
        files.write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    calibration = curve(softmax(evaluation.logits).max(axis=1), evaluation.predicted == evaluation.labels)
    with files.atomic(model) as folder:
        shutil.copytree(models / f"seed{spec.seed}", folder)
        shutil.copyfile(figure, folder / "reliability.png")
        rules = [{"replace": rule.replace, "by": rule.by} for rule in card.cleaned]
        files.write_json(
            folder / SETTINGS, {"text": spec.text, "study": spec.study} | ({"clean": rules} if rules else {})
        )
        of_test = cluster_values.read([clusters]).get(clusters.parent.name)
        text = model_card.text(spec, evaluation, calibration, card, pq.read_table(scores).to_pandas(), of_test)
        files.write_text(folder / "README.md", text)


def _predictions(evaluation: Evaluation, names: list[str], test: Path) -> pd.DataFrame:
    """A row per test example: number, text, label, predicted class and its probability, probability of each class.

    Texts and names are safe for spreadsheets.
    """
    texts = pq.read_table(test).drop_columns(["label"]).to_pandas().agg(" ".join, axis=1)
    probabilities = softmax(evaluation.logits)
    safe = np.array(named(names), dtype=object)
    frame = pd.DataFrame({
        "example": np.arange(len(evaluation.labels)),
        "text": texts.map(formatting.spreadsheet_safe),
        "label": safe[evaluation.labels],
        "answer": safe[evaluation.predicted],
        "probability": probabilities.max(axis=1),
    })  # fmt: skip
    by_class = pd.DataFrame(probabilities, columns=[f"p({name})" for name in names])
    return pd.concat([frame, by_class], axis=1)


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """At most `MAX_MISTAKES` wrong predictions, the most confident first."""
    wrong = table[table["label"] != table["answer"]]
    return wrong.sort_values("probability", ascending=False, kind="stable").iloc[:MAX_MISTAKES, :5]


def named(names: Sequence[str]) -> list[str]:
    """Class names that are safe in a spreadsheet; numbers stay unchanged."""
    return [name if re.fullmatch(r"[+-]?\d+(\.\d+)?", name) else formatting.spreadsheet_safe(name) for name in names]
