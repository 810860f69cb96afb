"""A trained classifier handed over: its folder with a card, its answers on the test set, the worst of them.

N test examples, C classes.
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
from bertfit.evaluation.calibration import curve
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations, softmax
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import model_card

SETTINGS = "bertfit.json"
WORST = 100  # mistakes that are written


def build(
    *,
    spec: DeliverySpec,
    models: Path,
    predictions: Path,
    test: Path,
    corpus: Path,
    scores: Path,
    figure: Path,
    model: Path,
    answered: Path,
    mistakes: Path,
) -> None:
    """Write the folder ``model`` and the tables ``answered`` and ``mistakes`` (CSV).

    ``spec`` is that of `delivery_jobs.Delivery`; ``models``, ``predictions`` are the run's, ``test``, ``corpus`` (card)
    the corpus's, ``scores`` those of the table of methods, ``figure`` (PNG) shows calibration. The folder holds no text
    of the corpus. Raises `UserError` where the run has no such seed.
    """
    mine = [one for one in last_evaluations(read_evaluations(predictions)) if one.seed == spec.seed]
    if not mine:
        raise UserError(f"{predictions}: no seed {spec.seed}; delete its folder and run again")
    facts = files.read_json(corpus)
    table = _answered(mine[0], facts["label_names"], test)
    for frame, path in ((table, answered), (_worst(table), mistakes)):
        files.write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    right = mine[0].predicted == mine[0].labels
    calibration = curve(softmax(mine[0].logits).max(axis=1), right)
    with files.atomic(model) as folder:
        shutil.copytree(models / f"seed{spec.seed}", folder)
        shutil.copyfile(figure, folder / "reliability.png")
        files.write_json(folder / SETTINGS, {"text": spec.text, "study": spec.study})
        card = model_card.text(spec, mine[0], calibration, facts, pq.read_table(scores).to_pandas())
        files.write_text(folder / "README.md", card)


def _answered(one: Evaluation, names: list[str], test: Path) -> pd.DataFrame:
    """A row a test example: its number, its text, label, answer, the answer's probability, and that of each class.

    Texts and names are safe for spreadsheets.
    """
    texts = pq.read_table(test).drop_columns(["label"]).to_pandas().agg(" ".join, axis=1)
    chances = softmax(one.logits)
    safe = np.array(named(names), dtype=object)
    frame = pd.DataFrame({
        "example": np.arange(len(one.labels)),
        "text": texts.map(formatting.spreadsheet_safe),
        "label": safe[one.labels],
        "answer": safe[one.predicted],
        "probability": chances.max(axis=1),
    })  # fmt: skip
    each = pd.DataFrame(chances, columns=[f"p({name})" for name in names])
    return pd.concat([frame, each], axis=1)


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """The mistakes it is most sure of, the surest first, at most `WORST`."""
    wrong = table[table["label"] != table["answer"]]
    return wrong.sort_values("probability", ascending=False, kind="stable").iloc[:WORST, :5]


def named(names: Sequence[str]) -> list[str]:
    """Class names as cells of a table that a spreadsheet opens; numbers are left as they are."""
    return [name if re.fullmatch(r"[+-]?\d+(\.\d+)?", name) else formatting.spreadsheet_safe(name) for name in names]
