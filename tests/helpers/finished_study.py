"""A finished study of five runs, whose numbers can be checked by hand, and a reader of Weights & Biases' own files.

Ten test examples each: ``trec``, from the hub, with two seeds of ``mini`` and one of the baseline, and ``imdb``,
generated, with two seeds of a recipe. Table 2 shows the runs of ``mini``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bertfit.config.hyperparameters import Finetune
from bertfit.core.files import read_json
from bertfit.evaluation import score_runs
from bertfit.experiments.job_specs import BlockSpec, plain
from helpers import madeup

LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
REVISION = "5" * 40
RUNS = ("trec/mini/default", "trec/tfidf/default", "imdb/mini/lr=5e-05")
WRONG = {
    "trec/mini/default": {1: [0, 4, 5], 2: [9]},
    "trec/tfidf/default": {1: [0, 1, 2, 3, 4]},
    "imdb/mini/lr=5e-05": {1: [], 2: [7, 8]},
}
"""run group -> seed -> examples that it gets wrong"""


def make(root: Path) -> Path:
    """Write the results folder ``root``."""
    for name, wrong_of_seed in WRONG.items():
        corpus, encoder, recipe = name.split("/")
        seeds = sorted(wrong_of_seed)
        about = {"corpus": corpus, "encoder": encoder, "seeds": seeds}
        spec = {"corpus": corpus, "analyzer": "words", "form": {"fields": ["text"], "pair": None}}
        if encoder == "mini":
            spec = plain(BlockSpec(**about, recipe=Finetune(lr=5e-5 if "lr" in recipe else 2e-5)))
        folder = root / "runs" / name / f"seeds{seeds[0]}-{seeds[-1]}"
        masks = {seed: np.isin(range(10), wrong) for seed, wrong in wrong_of_seed.items()}
        madeup.run(folder, LABELS, masks, spec=spec)
        record = read_json(folder / "run.json")
        record["cost"]["seeds"] = {str(seed): {"steps": 4, "seconds": 0.5 * seed} for seed in seeds}
        (folder / "run.json").write_text(json.dumps(record))
    madeup.score(root)
    shown = [_run_files(root, name) for name in RUNS if "tfidf" not in name]
    (root / "scores").mkdir()
    score_runs.build(shown, root / "scores/table2.parquet", study=root.name)
    for corpus in ("trec", "imdb"):
        madeup.card(root, corpus, "ab" * 32)
    change_card(root, "trec", source={"kind": "hub", "dataset": "CogComp/trec", "revision": REVISION})
    return root


def change_card(root: Path, corpus: str, **changes: Any) -> None:
    """Entries of a corpus's card."""
    path = root / "corpora" / corpus / "card.json"
    path.write_text(json.dumps(read_json(path) | changes))


def _run_files(root: Path, name: str) -> score_runs.RunFiles:
    (folder,) = (root / "runs" / name).iterdir()
    return madeup.run_files(folder, *name.split("/"))


def rows(root: Path) -> dict[tuple, dict[str, Any]]:
    """(corpus, encoder, recipe, seed, selection) -> its row of ``results.parquet``."""
    found = pq.read_table(root / "results.parquet").to_pylist()
    return {tuple(row[key] for key in ("corpus", "encoder", "recipe", "seed", "selection")): row for row in found}


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: a log in LevelDB's format (blocks of 32 KiB) behind seven bytes.

    The format is that of wandb/core/internal/transactionlog and github.com/google/leveldb/blob/main/doc/log_format.md.
    """
    from wandb.proto import wandb_internal_pb2

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    position, waiting = 7, b""
    while position + 7 <= len(content):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", content[position : position + 7])
        waiting += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(waiting)
            waiting = b""
            yield record
