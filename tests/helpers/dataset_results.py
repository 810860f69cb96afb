"""Made-up results of a search on a dataset of one's own, in all files that its report reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.core import label_sets
from bertfit.dataset_report.dataset_files import DatasetFiles
from bertfit.dataset_report.dataset_spec import DatasetReportSpec
from bertfit.evaluation import calibration
from bertfit.evaluation.predictions import softmax
from bertfit.search.outcome_record import Constant, Interval, LabelScore, ModelOutcome, TemperatureScaling
from bertfit.statistics import metrics
from bertfit.suitability.coverage import Coverage
from helpers.made_choice import TITLES, choice

NEWS = ["World", "Sports", "Business", "Sci/Tech"]
EMOTIONS = ["joy", "anger", "surprise", "fear", "sadness"]
TEXTS = [
    "Oil prices fall as exporters agree to raise output, easing fears of a shortage this winter.",
    "The goalkeeper saved two penalties, and the visitors left with a point they hardly deserved.",
    "A probe that was launched seven years ago has entered orbit and sent its first pictures of the rings.",
    "Ministers meet on Sunday to discuss the truce; neither side expects an agreement before the elections.",
]
TOO_FEW = "12 validation texts, and at least 30 are needed"


def logits(labels: np.ndarray, classes: int, error: float, seed: int = 1) -> np.ndarray:
    """(N, C) logits that are too sure of themselves, of which about the share ``error`` is wrong."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1, (len(labels), classes))
    answers = np.where(random.random(len(labels)) < error, random.integers(0, classes, len(labels)), labels)
    scores[np.arange(len(labels)), answers] += 1 + 4 * random.beta(4, 2, len(labels))
    return (1.6 * scores).astype(np.float32)


def write_predictions(path: Path, labels: np.ndarray, values: np.ndarray, sets: list[list[int]] | None = None) -> Path:
    """One evaluation of seed 1."""
    size = len(labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({
        "seed": pa.array(np.ones(size, np.int32)),
        "step": pa.array(np.full(size, 9, np.int32)),
        "epoch": pa.array(np.full(size, 4.0)),
        "example": pa.array(np.arange(size, dtype=np.int32)),
        "label": pa.array(labels.astype(np.int32)),
        "logits": pa.array(list(values), pa.list_(pa.float32())),
    })  # fmt: skip
    pq.write_table(table.replace_schema_metadata(label_sets.metadata(sets)), path)
    return path


def outcome(labels: np.ndarray, values: np.ndarray, names: list[str], **given: Any) -> ModelOutcome:
    """The outcome of predictions with one label a text, as counted from them."""
    classes, predicted = len(names), values.argmax(axis=1)
    counts = metrics.confusion(predicted, labels, classes)[0]
    error, macro, mcc = (
        metrics.summarise(predicted, labels, classes, name) for name in ("error", "macro_f1", "mcc")
    )  # fmt: skip
    hits, answers, texts = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    scores = [
        LabelScore(
            name=name,
            trained=int(4 * texts[place]),
            texts=int(texts[place]),
            answers=int(answers[place]),
            precision=hits[place] / answers[place] if answers[place] else None,
            recall=hits[place] / texts[place] if texts[place] else None,
            f1=2 * hits[place] / max(1, answers[place] + texts[place]),
        )
        for place, name in enumerate(names)
    ]
    eces = [
        calibration.curve(softmax(values / temperature).max(axis=1), predicted == labels).ece
        for temperature in (1.0, 1.7)
    ]
    made = ModelOutcome(
        candidate="further",
        title=TITLES["further"],
        texts=len(labels),
        seeds=1,
        several_labels=False,
        error=Interval(value=error.mean, low=error.low, high=error.high),
        macro_f1=Interval(value=macro.mean, low=macro.low, high=macro.high),
        micro_f1=1 - error.mean,
        mcc=Interval(value=mcc.mean, low=mcc.low, high=mcc.high),
        constant=Constant(name=names[0], error=float((labels != 0).mean())),
        labels=scores,
        never=[score.name for score in scores if score.texts and not score.answers],
        one_class=len(set(labels)) == 1,
        confusion=counts.tolist(),
        calibration=TemperatureScaling(temperature=1.7, note="", before=eces[0], after=eces[1]),
    )
    return made.model_copy(update=given)


def card(names: list[str], labels: np.ndarray, **given: Any) -> dict[str, Any]:
    """The card of a corpus with four times as many training texts as test texts."""
    classes = {name: int((labels == place).sum()) for place, name in enumerate(names)}
    train = {name: 4 * count for name, count in classes.items()}
    values = {
        "corpus": "texts",
        "language": "auto",
        "title": "Your texts",
        "domain": "topic",
        "note": None,
        "source": {"kind": "local", "files": {"train": {"path": "news.csv", "sha256": "0" * 64}}, "held_out": 0.2},
        "licence": "yours",
        "sampled": None,
        "leaks_dropped": None,
        "fields": ["text"],
        "label_names": names,
        "splits": {
            "train": {"rows": sum(train.values()), "classes": train, "empty": 0, "sha256": "1" * 64},
            "test": {"rows": len(labels), "classes": classes, "empty": 0, "sha256": "2" * 64},
        },
        "duplicates_in_train": 12,
        "test_texts_in_train": 0,
        "texts_of_several_labels": 3,
        "clusters": {
            "clusters": len(labels) - 4,
            "largest": 2,
            "texts": 8,
            "near_duplicates": 8,
            "near_duplicates_in_train": 3,
            "group": None,
            "texts_of_train_groups": None,
        },
    }
    return values | given


def coverage(**given: Any) -> Coverage:
    """How an English vocabulary covers English texts."""
    values = {
        "texts": 1000,
        "pieces": 31000,
        "unknown_pieces": 0.0,
        "unknown_characters": 0.0,
        "unknown_symbols": 0.0,
        "unknown_examples": [],
        "long_words": 0.0,
        "pieces_per_word": 1.12,
        "scripts": {"Latn": 1.0},
        "spaces": True,
        "max_length": 96,
        "longer": 0.013,
        "language": "en",
        "language_probability": 0.99,
        "vocabulary_language": "en",
    }
    return Coverage.model_validate(values | given)


def learning_curve(**given: Any) -> dict[str, Any]:
    """Errors (percent) on a quarter, half and all of 1,280 training texts, with a fit."""
    sizes = {320: 15.6, 640: 12.8, 1280: 10.9}
    points = [
        {"training_texts": size, "seeds": 1, "error": error, "low": error - 3, "high": error + 4}
        for size, error in sizes.items()
    ]
    expected = {2: (8.7, 7.9, 9.6), 4: (7.2, 5.9, 8.6), 8: (6.0, 4.2, 7.9)}
    predictions = [
        {"factor": factor, "training_texts": 1280 * factor, "error": error, "low": low, "high": high, "fall_low": 0.9}
        for factor, (error, low, high) in expected.items()
    ]
    fit = {"a": 78.0, "b": 0.28, "c": 0.3}
    return {"validation_texts": 320, "points": points, "fit": fit, "predictions": predictions, "note": ""} | given


def write(path: Path, value: Any) -> Path:
    """A JSON file of a value or record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value if isinstance(value, dict) else value.model_dump(mode="json")), encoding="utf-8")
    return path


def table(path: Path, names: list[str], texts: list[str], *, mistakes: bool) -> Path:
    """``mistakes.csv`` or ``label_errors.csv``."""
    rows = range(12)
    given = [names[row % len(names)] for row in rows]
    other = [names[(row + 1) % len(names)] for row in rows]
    probability = [0.999 - 0.013 * row for row in rows]
    shown = [texts[row % len(texts)] for row in rows]
    columns = (
        {"example": rows, "text": shown, "label": given, "answer": other, "probability": probability}
        if mistakes
        else {"row": rows, "text": shown, "given": given, "suggested": other}
        | {"probability of given": [0.01] * 12, "probability of suggested": probability}
    )
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def spec(**given: Any) -> DatasetReportSpec:
    """The specification of the rule."""
    values = {
        "study": "example.news",
        "root": "results/example.news",
        "encoder": "all-MiniLM-L6-v2",
        "text": "text",
        "titles": TITLES,
        "sizes": [
            {"key": "finetune.max_length", "paper": 512, "here": 96},
            {"key": "finetune.lr", "paper": 2e-5, "here": 1e-4},
            {"key": "pretrain.steps", "paper": 100_000, "here": 310},
        ],
    }
    return DatasetReportSpec.model_validate(values | given)


def make(
    folder: Path,
    names: list[str] = NEWS,
    texts: list[str] = TEXTS,
    *,
    winner: str = "further",
    size: int = 400,
    error: float = 0.15,
) -> tuple[DatasetReportSpec, DatasetFiles]:
    """All files of a search with ``size`` test texts, one label each."""
    labels = np.random.default_rng(5).integers(0, len(names), size)
    values = logits(labels, len(names), error)
    train = folder / "train.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    shown = [texts[place % len(texts)] for place in range(4 * size)]
    pq.write_table(pa.table({"text": shown, "label": np.zeros(4 * size, np.int32)}), train)
    return spec(), DatasetFiles(
        choice=write(folder / "choice.json", choice(winner)),
        outcome=write(folder / "outcome.json", outcome(labels, values, names)),
        card=write(folder / "card.json", card(names, labels)),
        predictions=[write_predictions(folder / "predictions.parquet", labels, values)],
        train=train,
        coverage=write(folder / "coverage.json", coverage()),
        mistakes=table(folder / "mistakes.csv", names, texts, mistakes=True),
        label_errors=table(folder / "label_errors.csv", names, texts, mistakes=False),
    )


def make_several(folder: Path, names: list[str] = EMOTIONS, size: int = 300) -> tuple[DatasetReportSpec, DatasetFiles]:
    """All files of a search with several labels a text; without the optional ones."""
    random = np.random.default_rng(7)
    expected = random.random((size, len(names))) < np.linspace(0.5, 0.1, len(names))
    numbers, sets = label_sets.number(np.flatnonzero(row).tolist() for row in expected)
    values = (np.where(expected, 2.0, -2.0) + random.normal(0, 1.5, expected.shape)).astype(np.float32)
    given = label_sets.predicted(values)
    hits, answers, texts = (given & expected).sum(0), given.sum(0), expected.sum(0)
    scores = [
        LabelScore(
            name=name,
            trained=4 * int(texts[place]),
            texts=int(texts[place]),
            answers=int(answers[place]),
            precision=hits[place] / answers[place],
            recall=hits[place] / texts[place],
            f1=2 * hits[place] / (answers[place] + texts[place]),
            threshold=0.35 + 0.05 * place,
        )
        for place, name in enumerate(names)
    ]
    wrong = float((given != expected).any(axis=1).mean())
    low, high = metrics.wilson(wrong * size, size)
    macro = float(np.mean([score.f1 for score in scores]))
    found = ModelOutcome(
        candidate="further",
        title=TITLES["further"],
        texts=size,
        seeds=1,
        several_labels=True,
        error=Interval(value=wrong, low=low, high=high),
        macro_f1=Interval(value=macro, low=macro - 0.03, high=macro + 0.03),
        micro_f1=float(2 * hits.sum() / (answers.sum() + texts.sum())),
        mcc=None,
        constant=Constant(name="no label", error=float(expected.any(axis=1).mean())),
        labels=scores,
        never=[],
        one_class=False,
        confusion=None,
        calibration=TemperatureScaling(temperature=1.0, note=TOO_FEW, before=0.06, after=0.06),
    )  # fmt: skip
    facts = card(names, numbers)
    for split, factor in (("train", 4), ("test", 1)):
        facts["splits"][split] |= {
            "rows": factor * size,
            "classes": {name: factor * int(count) for name, count in zip(names, texts, strict=True)},
        }
    folder.mkdir(parents=True, exist_ok=True)
    return spec(), DatasetFiles(
        choice=write(folder / "choice.json", choice(metric="micro_f1")),
        outcome=write(folder / "outcome.json", found),
        card=write(folder / "card.json", facts),
        predictions=[write_predictions(folder / "predictions.parquet", numbers, values, sets)],
    )
