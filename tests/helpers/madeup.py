"""Made-up results: runs that were never trained, with the files that a trained one leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertfit.data import corpus_card
from bertfit.data.corpus_card import CorpusCard, SplitCounts, SyntheticOrigin
from bertfit.evaluation import results_file, score_runs
from bertfit.evaluation.score_runs import RunFiles
from bertfit.experiments.cells import RunGroup

HISTORY = "seed,step,epoch,lr,loss,train_error,test_error,validation_error\n"


def run(
    folder: Path,
    labels: Any,
    wrong: Mapping[int, Any],
    classes: int = 2,
    logit: float = 1.0,
    spec: Mapping[str, Any] | None = None,
) -> None:
    """A block of seeds: two evaluations with the same answers; ``wrong`` [N] says which are not ``labels`` [N]."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.asarray(labels)
    tables, history = [], HISTORY
    for seed, mistakes in wrong.items():
        answers = np.where(mistakes, (labels + 1) % classes, labels)
        logits = np.zeros((len(labels), classes), np.float32)
        logits[np.arange(len(labels)), answers] = logit
        error = 100 * float(np.mean(mistakes))
        for step in (2, 4):
            columns = {
                "seed": pa.array([seed] * len(labels), pa.int32()),
                "step": pa.array([step] * len(labels), pa.int32()),
                "epoch": pa.array([step / 2] * len(labels), pa.float64()),
                "example": pa.array(range(len(labels)), pa.int32()),
                "label": pa.array(labels, pa.int32()),
                "logits": pa.array(list(logits), pa.list_(pa.float32())),
            }
            tables.append(pa.table(columns))
            history += f"{seed},{step},{step / 2},0.0001,{1 / step},{50 / step},{error},\n"
    pq.write_table(pa.concat_tables(tables), folder / "predictions.parquet")
    (folder / "history.csv").write_text(history)
    (folder / "run.json").write_text(json.dumps(record(spec or {})))


def record(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a run.json."""
    cost = {"seconds": 2.0, "tokens": 100, "threads": 1, "peak_memory_bytes": {"process": 10**9}}
    facts = {"inputs": {}, "versions": {"torch": "2"}, "machine": {"system": "S", "device": "X", "processes": 1}}
    return {"code": "c", "spec": dict(spec), **facts, "cost": cost}


def run_files(folder: Path, corpus: str, encoder: str, recipe: str) -> RunFiles:
    """The files of a block of seeds, to be scored."""
    return RunFiles(RunGroup(corpus, encoder, recipe), folder / "predictions.parquet", folder / "history.csv")


def score(root: Path) -> None:
    """results.parquet of all runs below ``root``."""
    runs = []
    for path in sorted(root.glob("runs/*/*/*/*/predictions.parquet")):
        corpus, encoder, recipe, _ = path.parent.relative_to(root / "runs").parts
        runs.append(run_files(path.parent, corpus, encoder, recipe))
    score_runs.build(runs, root / "results.parquet", study=root.name)


def results(path: Path, runs: Mapping[tuple[str, str, str], Sequence[tuple[int, int]]], examples: int) -> None:
    """results.parquet of (corpus, encoder, recipe) -> per seed wrong answers of the last and of the best evaluation.

    Every interval goes from one point below the mean to two above it; a cell is worse than the lowest of its corpus if
    its interval excludes that. One more run is expected within half a point of the mean of several seeds.
    """
    rows = []
    lowest: dict[tuple[str, int], float] = {}
    for (corpus, *_), counts in runs.items():
        for which in (0, 1):
            mean = 100 * float(np.mean([pair[which] for pair in counts])) / examples
            lowest[corpus, which] = min(mean, lowest.get((corpus, which), mean))
    for (corpus, encoder, recipe), counts in runs.items():
        for which, selection in enumerate(results_file.SELECTIONS):
            mean = 100 * float(np.mean([pair[which] for pair in counts])) / examples
            for seed, pair in enumerate(counts, 1):
                names = {"study": "paper", "corpus": corpus, "encoder": encoder, "recipe": recipe, "seed": seed}
                found = {"n": examples, "errors": pair[which], "error": 100 * pair[which] / examples}
                p_lowest = 1.0 if mean - 1 <= lowest[corpus, which] else 0.01
                more = {"macro_f1": 0.5, "mcc": 0.25, "low": mean - 1, "high": mean + 2}
                more |= {"failed": 0, "p_lowest": p_lowest}
                more |= {"run_low": mean - 0.5, "run_high": mean + 0.5} if len(counts) > 1 else {}
                rows.append(names | {"selection": selection, "step": 4, "epoch": 1.0} | found | more)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, results_file.SCHEMA), path)


def card(root: Path, corpus: str, digest: str) -> None:
    """The card of a synthetic corpus of four texts whose test split has this digest."""
    splits = {
        split: SplitCounts(rows=2, classes={"neg": 1, "pos": 1}, empty=0, sha256=digest) for split in ("train", "test")
    }
    card = CorpusCard(
        corpus=corpus, title=corpus, domain="sentiment", language="en", note=None, licence="generated by this project",
        source=SyntheticOrigin(kind="synthetic", corpus=corpus, seed=1), sampled=None, leaks_dropped=None,
        fields=["text"], label_names=["neg", "pos"], splits=splits, duplicates_in_train=0, test_texts_in_train=0,
        texts_of_several_labels=0,
    )  # fmt: skip
    corpus_card.write(card, root / "corpora" / corpus / "card.json")
