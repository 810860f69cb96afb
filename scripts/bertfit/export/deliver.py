"""Exports a trained classifier: its folder with a model card, its predictions on the test set, its worst mistakes.

Shapes: N test examples, C classes.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bertfit.config.corpus_schema import Replacement
from bertfit.core import files, formatting
from bertfit.core.errors import UserError
from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.calibration import curve
from bertfit.evaluation.predictions import Evaluation, last_evaluations, read_evaluations, softmax
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import head_scaling, memorisation, model_card
from bertfit.export.memorisation import Memorisation
from bertfit.export.model_card import CardInputs
from bertfit.export.runtime_measures import RuntimeComparison
from bertfit.inference.answers import named
from bertfit.inference.model_folder import CONFIG, SETTINGS, FolderSettings
from bertfit.statistics import cluster_values

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
    temperature: float = 1.0,
    threads: int = 1,
) -> None:
    """Write the folder ``model`` and the tables ``answered`` and ``mistakes`` (CSV).

    ``spec``: `DeliveryJobs.spec`; ``models`` and ``predictions`` are files of the run, ``test``, ``clusters`` and
    ``corpus`` (its card) of the corpus, ``scores`` those of the table of methods; ``figure``: the reliability diagram
    (PNG); ``temperature``: that the logits are divided by, in the folder (`head_scaling`) and the tables. The folder
    contains no text of the corpus. Raises `UserError` if the run lacks the seed.
    """
    evaluations = last_evaluations(read_evaluations(predictions))
    evaluation = next((last for last in evaluations if last.seed == spec.seed), None)
    if evaluation is None:
        raise UserError(f"{predictions}: no seed {spec.seed}; delete its folder and run again")
    evaluation = replace(evaluation, logits=evaluation.logits / np.float32(temperature))
    card = corpus_card.read(corpus)
    texts = _texts(test)
    table = _predictions(evaluation, card.label_names, texts)
    for frame, path in ((table, answered), (_worst(table), mistakes)):
        files.write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    calibration = curve(softmax(evaluation.logits).max(axis=1), evaluation.predicted == evaluation.labels)
    judged = memorisation.judge(card.licence, pretrained_on=spec.pretrained_on, words=spec.encoder is None)
    with files.atomic(model) as folder:
        shutil.copytree(models / f"seed{spec.seed}", folder)
        shutil.copyfile(figure, folder / "reliability.png")
        files.write_json(folder / SETTINGS, _settings(spec, card, judged).model_dump(exclude_defaults=True))
        if temperature != 1:
            head_scaling.scale_head(folder, temperature)
        text = model_card.text(
            CardInputs(
                spec=spec,
                evaluation=evaluation,
                calibration=calibration,
                facts=card,
                scores=pq.read_table(scores).to_pandas(),
                clusters=cluster_values.read([clusters]).get(clusters.parent.name),
                runtimes=_runtimes(folder, texts.tolist(), threads),
                memorisation=judged,
            )
        )
        files.write_text(folder / "README.md", text)


def _settings(spec: DeliverySpec, card: CorpusCard, judged: Memorisation) -> FolderSettings:
    return FolderSettings(
        text=spec.text,
        study=spec.study,
        clean=[Replacement(replace=rule.replace, by=rule.by) for rule in card.cleaned],
        memorisable=judged.memorisable,
        memorisable_because=judged.because,
    )


def _runtimes(folder: Path, texts: list[str], threads: int) -> RuntimeComparison:
    """Write the ONNX files of a folder and measure them; of word counts only the reason why there are none."""
    if not (folder / CONFIG).is_file():
        return RuntimeComparison(reason="the classifier counts words, which ONNX does not make faster")
    from bertfit.export import onnx_export, runtime_measures

    onnx_export.write(folder)
    return runtime_measures.measure(folder, texts, threads=threads)


def _texts(test: Path) -> pd.Series:
    """The texts of the test split, the fields of each joined."""
    return pq.read_table(test).drop_columns(["label"]).to_pandas().agg(" ".join, axis=1)


def _predictions(evaluation: Evaluation, names: list[str], texts: pd.Series) -> pd.DataFrame:
    """A row per test example: number, text, label, predicted class and its probability, probability of each class.

    Texts and names are safe for spreadsheets.
    """
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
