"""The non-neural baseline: TF-IDF of words (Chinese: characters) and a linear model, by scikit-learn.

It shows what BERT gains. Texts are streamed from the file. Memory is bounded: n-grams are counted on at most
`COUNTED_TEXTS` training texts, the `MAX_FEATURES` most frequent ones are used, and the matrix takes 8 bytes for each
n-gram of each text (Yahoo's 1.4 million texts: some 1.5 GB, twice that while it is assembled).
Shapes: R texts, F features, C classes.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
import torch
from scipy.sparse import csr_matrix, vstack
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from bertfit.config.corpus_schema import TextForm
from bertfit.core import files
from bertfit.core.errors import UserError
from bertfit.runtime.rule_job import JobIdentity
from bertfit.stages import prediction_writer
from bertfit.stages.prediction_writer import HISTORY, EvaluationLogits, SeedPredictions
from bertfit.training import run_record

log = logging.getLogger(__name__)

COUNTED_TEXTS = 100_000  # evenly spaced: a file may be sorted by class
MAX_FEATURES = 200_000
ROWS = 4096  # texts in memory at a time
C = 10.0  # inverse of the L2 penalty; best of 1, 3, 10, 30 on a held-out part of IMDb's training set
MAX_ITERATIONS = 1000
NGRAMS = (1, 2)


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
) -> None:
    """Fit on a normalised corpus; write predictions, history and run.json like a run: one seed, step and epoch.

    The logits are the decision scores; with two classes, the only score s becomes -s/2 and s/2, which have the same
    softmax. The baseline is deterministic: same machine, same bits. Raises `UserError` where a column is missing, the
    test split is empty, or the training split has no words or fewer than two classes.
    """
    began = time.monotonic()
    names, labels = _labels(train), {name: _column(path) for name, path in (("train", train), ("test", test))}
    classes = len(np.unique(labels["train"]))
    if classes < 2 or not len(labels["test"]):
        raise UserError(
            f"{train} and {test}: {classes} classes to learn and {len(labels['test'])} texts to test; at least two and "
            "one are needed"
        )
    with threadpool_limits(threads):
        vectorizer = count(train, form)
        matrix = {name: transform(vectorizer, texts(path, form)) for name, path in (("train", train), ("test", test))}
        model = _fit(matrix["train"], labels["train"])
        logits = {name: scores(model, rows, len(names)) for name, rows in matrix.items()}
    error = {
        name: prediction_writer.error_percent(torch.from_numpy(split), labels[name]) for name, split in logits.items()
    }
    chances = log_softmax(logits["train"].astype(np.float64), axis=1)
    loss = -float(chances[np.arange(len(chances)), labels["train"]].mean())
    only = EvaluationLogits(step=1, epoch=1.0, logits=torch.from_numpy(logits["test"]))
    row = {
        "seed": 1,
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
        pq.write_table(prediction_writer.table([SeedPredictions(1, only, only)], labels["test"]), temporary)
    content = run_record.record(
        job,
        inputs={"train": train, "test": test},
        device=torch.device("cpu"),
        cost={"seconds": time.monotonic() - began, "threads": threads},
    )
    content["versions"]["scikit-learn"] = version("scikit-learn")
    content["baseline"] = {
        "features": len(vectorizer.vocabulary_),
        "analyzer": vectorizer.analyzer,
        "min_df": vectorizer.min_df,
        "C": C,
        "iterations": int(model.n_iter_.max()),
    }
    files.write_text(record, run_record.text(content))


def texts(path: Path, form: TextForm, keep: npt.NDArray[np.bool_] | None = None) -> Iterator[str]:
    """The texts of a split, `ROWS` of them in memory: the non-empty fields joined, and the pair behind them.

    ``keep`` (rows,): which rows. Raises `UserError` where a column is missing.
    """
    joins = [form.text] + ([form.pair] if form.pair else [])
    wanted = list(dict.fromkeys(name for join in joins for name in join.fields))
    file = pq.ParquetFile(path)
    for name in wanted:
        if name not in file.schema_arrow.names:
            columns = ", ".join(file.schema_arrow.names)
            raise UserError(f"{path}: no column {name!r} (it has {columns}); correct the corpus's 'text' or 'pair'")
    number = 0
    for batch in file.iter_batches(ROWS, columns=wanted):
        for row in batch.to_pylist():
            if keep is None or keep[number]:
                parts = (join.separator.join(filter(None, (row[name] for name in join.fields))) for join in joins)
                yield " ".join(filter(None, parts))
            number += 1


def count(train: Path, form: TextForm) -> TfidfVectorizer:
    """Vocabulary and document frequencies of the training texts.

    English: words and pairs of words; Chinese: characters and pairs of them. Those that occur in a single text are
    left out, unless nothing would remain. Raises `UserError` where there are no words at all.
    """
    rows = pq.ParquetFile(train).metadata.num_rows
    keep = np.zeros(rows, bool)
    keep[np.linspace(0, rows - 1, min(rows, COUNTED_TEXTS)).astype(int)] = True
    for min_df in (2, 1):
        vectorizer = TfidfVectorizer(
            analyzer="char" if form.language == "zh" else "word",
            ngram_range=NGRAMS,
            sublinear_tf=True,
            min_df=min_df,
            max_features=MAX_FEATURES,
            dtype=np.float32,
        )
        try:
            return vectorizer.fit(texts(train, form, keep))
        except ValueError as error:  # an empty vocabulary
            reason = error
    raise UserError(f"{train}: no text has words to count ({reason}); check the corpus's 'text' and 'language'")


def transform(vectorizer: TfidfVectorizer, documents: Iterable[str]) -> csr_matrix:
    """(R, F) float32: TF-IDF rows of length 1, made `ROWS` texts at a time."""
    rest = iter(documents)
    chunks = iter(lambda: list(islice(rest, ROWS)), [])
    return vstack([vectorizer.transform(chunk) for chunk in chunks], format="csr")


def scores(model: LogisticRegression, matrix: csr_matrix, classes: int) -> npt.NDArray[np.float32]:
    """(R, C): a decision score for each class; one that was never seen in training gets less than all others."""
    decision = model.decision_function(matrix)
    if decision.ndim == 1:
        decision = np.stack([-decision / 2, decision / 2], axis=1)
    all_classes = np.full((len(decision), classes), decision.min(initial=0) - 1, np.float32)
    all_classes[:, model.classes_] = decision
    return all_classes


def _fit(matrix: csr_matrix, labels: npt.NDArray[np.int32]) -> LogisticRegression:
    """Multinomial logistic regression by L-BFGS, which starts from zero and is deterministic."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model = LogisticRegression(C=C, solver="lbfgs", max_iter=MAX_ITERATIONS).fit(matrix, labels)
    for warning in caught:
        log.warning("%s", str(warning.message).splitlines()[0])
    return model


def _labels(path: Path) -> list[str]:
    """Class names of a corpus file."""
    metadata = pq.read_schema(path).metadata or {}
    if b"label_names" not in metadata:
        raise UserError(f"{path}: no label_names in its metadata; delete it and run the workflow again")
    return json.loads(metadata[b"label_names"])


def _column(path: Path) -> npt.NDArray[np.int32]:
    """Labels (R,)."""
    return pq.read_table(path, columns=["label"])["label"].to_numpy()
