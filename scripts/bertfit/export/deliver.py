"""Exports a trained classifier: its folder with a model card, its predictions on the test set, its worst mistakes.

Shapes: N test examples, C classes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.config.corpus_schema import Replacement
from bertfit.core import files, formatting, label_sets
from bertfit.core.errors import UserError
from bertfit.data import corpus_card, splits
from bertfit.data.corpus_card import CorpusCard
from bertfit.evaluation.predictions import last_evaluations, read_evaluations
from bertfit.experiments.job_specs import DeliverySpec
from bertfit.export import head_scaling, memorisation, model_card
from bertfit.export.memorisation import Memorisation
from bertfit.export.model_card import CardInputs
from bertfit.export.runtime_measures import RuntimeComparison
from bertfit.inference.answers import SEPARATOR, Decision, named
from bertfit.inference.model_folder import CONFIG, SETTINGS, FolderSettings
from bertfit.search import outcome_record, search_record
from bertfit.suitability import check

MAX_MISTAKES = 100  # that are written


def build(
    *,
    spec: DeliverySpec,
    models: Path,
    predictions: Path,
    test: Path,
    corpus: Path,
    choice: Path,
    outcome: Path,
    coverage: Path | None,
    model: Path,
    answered: Path,
    mistakes: Path,
    threads: int = 1,
) -> None:
    """Write the folder ``model`` and the tables ``answered`` and ``mistakes`` (CSV).

    ``spec``: `DeliveryJobs.spec`; ``models`` and ``predictions`` are files of the winner's last training, ``test`` and
    ``corpus`` (its card) of the corpus, ``choice`` and ``outcome`` the records of the search, ``coverage`` that of the
    encoder's vocabulary. The logits are divided by the temperature of the outcome, in the folder (`head_scaling`) and
    in the tables. The folder contains no text of the corpus. Raises `UserError` if the run lacks the seed.
    """
    evaluations = last_evaluations(read_evaluations(predictions))
    evaluation = next((last for last in evaluations if last.seed == spec.seed), None)
    if evaluation is None:
        raise UserError(f"{predictions}: no seed {spec.seed}; delete its folder and run again")
    found, card = outcome_record.read(outcome), corpus_card.read(corpus)
    temperature = found.calibration.temperature
    logits = evaluation.logits / np.float32(temperature)
    texts = _texts(test)
    sets = label_sets.read(pq.read_schema(test).metadata)
    decision = Decision(card.label_names, found.thresholds)
    table = _answers(decision, logits, _expected(evaluation.labels, card.label_names, sets), texts)
    for frame, path in ((table, answered), (_worst(table), mistakes)):
        files.write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    judged = memorisation.judge(card.licence, pretrained_on=spec.pretrained_on, words=spec.encoder is None)
    with files.atomic(model) as folder:
        shutil.copytree(models / f"seed{spec.seed}", folder)
        settings = _settings(spec, card, judged, found.thresholds)
        files.write_json(folder / SETTINGS, settings.model_dump(exclude_defaults=True))
        if temperature != 1:
            head_scaling.scale_head(folder, temperature)
        text = model_card.text(
            CardInputs(
                spec=spec,
                outcome=found,
                choice=search_record.read_choice(choice),
                facts=card,
                coverage=check.read(coverage) if coverage else None,
                runtimes=_runtimes(folder, texts.tolist(), threads),
                memorisation=judged,
            )
        )
        files.write_text(folder / "README.md", text)


def _settings(
    spec: DeliverySpec, card: CorpusCard, judged: Memorisation, thresholds: list[float] | None
) -> FolderSettings:
    return FolderSettings(
        thresholds=thresholds,
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
    return splits.texts(pq.read_table(test)).to_pandas().agg(" ".join, axis=1)


def _expected(labels: NDArray[np.int32], names: list[str], sets: label_sets.LabelSets | None) -> list[str]:
    """The label of each text, or its labels joined, as answers are written."""
    shown = named(names)
    if sets is None:
        return [shown[label] for label in labels]
    return [SEPARATOR.join(shown[each] for each in sets[label]) for label in labels]


def _answers(decision: Decision, logits: NDArray[np.float32], expected: list[str], texts: pd.Series) -> pd.DataFrame:
    """A row per test example: number, text, label, answer and its probability, probability of each class.

    Texts and names are safe for spreadsheets.
    """
    shown, answers = named(decision.names), decision.answers(logits)
    probabilities = np.array([answer.probabilities for answer in answers])
    names = dict(zip(decision.names, shown, strict=True))
    frame = pd.DataFrame({
        "example": np.arange(len(answers)),
        "text": texts.map(formatting.spreadsheet_safe),
        "label": expected,
        "answer": [SEPARATOR.join(names[label] for label in answer.labels) for answer in answers],
        "probability": probabilities.max(axis=1),
    })  # fmt: skip
    by_class = pd.DataFrame(probabilities, columns=[f"p({name})" for name in decision.names])
    return pd.concat([frame, by_class], axis=1)


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """At most `MAX_MISTAKES` wrong predictions, the most confident first."""
    wrong = table[table["label"] != table["answer"]]
    return wrong.sort_values("probability", ascending=False, kind="stable").iloc[:MAX_MISTAKES, :5]
