"""The non-neural baseline: TF-IDF of words or characters and a linear model (`word_counts`).

It shows what BERT gains. Texts are streamed from the file. Memory is bounded: the matrix takes 8 bytes for each n-gram
of each text (Yahoo's 1.4 million texts: some 1.5 GB, twice that while it is assembled), and characters, of which a text
has more, are counted on a part of a large corpus.
Shapes: R texts, C classes.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
import torch
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from bertfit.batching import example_order
from bertfit.config.corpus_schema import TextForm
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files, label_sets
from bertfit.core.errors import UserError
from bertfit.core.label_sets import LabelSets
from bertfit.energy import energy_meter
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import prediction_writer
from bertfit.stages.prediction_writer import HISTORY, EvaluationLogits, SeedPredictions
from bertfit.texts.stored_texts import StoredTexts
from bertfit.training import run_record
from bertfit.word_counts import ngrams, regression
from bertfit.word_counts.classifier import WordCounts
from bertfit.word_counts.ngrams import Analyzer
from bertfit.word_counts.regression import ClassWeights

log = logging.getLogger(__name__)

SEED = 1  # of the part of the training set: the same texts as those of fine-tuning with this seed
MAX_CHARACTERS = 10_000_000  # of the training texts, where characters are counted


def run(
    *,
    train: Path,
    test: Path,
    form: TextForm,
    predictions: Path,
    history: Path,
    record: Path,
    job: JobIdentity,
    threads: int,
    analyzer: Analyzer = "default",
    fraction: float = 1.0,
    class_weights: ClassWeights = "none",
    models: Path | None = None,
) -> None:
    """Fit on a normalised corpus; write predictions, history and run.json like a run: one seed, step and epoch.

    ``analyzer``: what is counted (`ngrams.unit`). ``fraction``: share of the training texts, those that fine-tuning
    with seed 1 and the same fraction reads. With ``models``, the fitted model goes into a folder ``seed1`` there
    (`WordCounts.save`). The logits are those of `WordCounts.logits`. The baseline is deterministic: same machine, same
    bits. Raises `UserError` where a column is missing, the test split is empty, or the training split has fewer than
    two classes, and its subclass `NoWordsError` where there are no words.
    """
    labels = {name: _column(path) for name, path in (("train", train), ("test", test))}
    names, sets = _metadata(train)
    classes = len(np.unique(labels["train"]))
    if classes < 2 or not len(labels["test"]):
        raise UserError(
            f"{train} and {test}: {classes} classes to learn and {len(labels['test'])} texts to test; at least two and "
            "one are needed"
        )
    rows = _training_rows(labels["train"], fraction, StoredTexts(train, form), analyzer)
    labels["train"] = labels["train"][rows]
    with threadpool_limits(threads), energy_meter.measuring(None) as meter:
        began = time.monotonic()
        model, of_train = WordCounts.fit(
            StoredTexts(train, form, rows),
            labels["train"],
            names,
            analyzer=analyzer,
            language=form.language,
            sets=sets,
            class_weights=class_weights,
            where=train,
        )
        answering = time.monotonic()
        logits = {"train": of_train, "test": model.logits(StoredTexts(test, form))}
        ended, energy = time.monotonic(), meter.read()
    if sets is None:
        loss, error = _cross_entropy(of_train, labels["train"]), {}
        for name, split in logits.items():
            error[name] = prediction_writer.error_percent(torch.from_numpy(split), labels[name])
    else:
        members = {name: label_sets.members(sets, len(names))[numbers] for name, numbers in labels.items()}
        loss = float(np.logaddexp(0, np.where(members["train"], -of_train, of_train).astype(np.float64)).mean())
        error = {name: 100 * float(label_sets.wrong(logits[name], true).mean()) for name, true in members.items()}
    only = EvaluationLogits(step=1, epoch=1.0, logits=torch.from_numpy(logits["test"]))
    row = {
        "seed": SEED,
        "step": only.step,
        "epoch": only.epoch,
        "loss": loss,
        "train_error": error["train"],
        "test_error": error["test"],
    }
    log.info("%s", ", ".join(f"{name} {value:.6g}" for name, value in row.items()))
    with files.atomic(history) as temporary:
        pd.DataFrame([row], columns=HISTORY).to_csv(temporary, index=False)
    with files.atomic(predictions) as temporary:
        pq.write_table(prediction_writer.table([SeedPredictions(SEED, only, only)], labels["test"], sets), temporary)
    if models is not None:
        model.save(models / f"seed{SEED}")
    content = run_record.record(
        job,
        inputs={"train": train, "test": test},
        device=torch.device("cpu"),
        cost={"seconds": ended - began, "energy": energy.model_dump(), "threads": threads},
    )
    content["classifier"] = {
        "parameters": model.parameters,
        "bytes": 4 * model.parameters,  # float32
        "evaluation": {
            "texts": len(labels["test"]),
            "tokens": None,
            "batch_tokens": None,
            "seconds": ended - answering,
        },
    }
    content["baseline"] = {
        "texts": len(rows),
        "features": model.features,
        "analyzer": model.unit,
        "min_df": model.vectorizer.min_df,
        "C": regression.C,
        "iterations": model.model.iterations,
    }
    files.write_text(record, run_record.text(content))


def _training_rows(
    labels: npt.NDArray[np.int32], fraction: float, texts: StoredTexts, analyzer: Analyzer
) -> npt.NDArray[np.integer]:
    """Rows of the training texts, ascending: a ``fraction``, less where they have more than `MAX_CHARACTERS`."""
    share = fraction
    if analyzer == "characters":
        share = min(fraction, MAX_CHARACTERS / max(1, texts.characters(ngrams.LONGEST)))
        share = max(share, min(fraction, len(np.unique(labels)) / len(labels)))  # one text of each class
    if share < fraction:
        log.warning("characters are counted on %.3g %% of the training texts: they are long", 100 * share)
    if share == 1:
        return np.arange(len(labels))
    return example_order.plan(labels, Finetune(fraction=share), SEED)[0].rows


def _cross_entropy(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> float:
    """Mean negative log probability of the right class."""
    chances = log_softmax(logits.astype(np.float64), axis=1)
    return -float(chances[np.arange(len(chances)), labels].mean())


def _metadata(path: Path) -> tuple[list[str], LabelSets | None]:
    """Class names of a corpus file, and the sets of classes that its labels are numbers of; None: they are classes."""
    metadata = pq.read_schema(path).metadata or {}
    if b"label_names" not in metadata:
        raise UserError(f"{path}: no label_names in its metadata; delete it and run the workflow again")
    return json.loads(metadata[b"label_names"]), label_sets.read(metadata)


def _column(path: Path) -> npt.NDArray[np.int32]:
    """Labels (R,)."""
    return pq.read_table(path, columns=["label"])["label"].to_numpy()
