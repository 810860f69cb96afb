"""Like `kill_worker`, for BERT-Feat: runs killed while states are computed, kept or used, and then finished.

kill_features.py FOLDER    writes FOLDER/report.json: moment -> signal, log of the second child, digests of its outputs
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from bertfit.batching import packing
from bertfit.config.hyperparameters import Finetune
from bertfit.core import files
from bertfit.stages import bert_feat, evaluate, feature_cache, prediction_writer
from bertfit.training import checkpoint, loop
from helpers import tiny
from helpers.kill_worker import child, kill, on_call, terminate

RECIPE = Finetune(
    classifier="bilstm", lstm=6, lstm_attention=5, max_length=24, head_tokens=6, lr=1e-2, epochs=2, batch_size=8,
    validation=0.1, truncation="head+tail",
)  # fmt: skip
OUTPUTS = ("predictions.parquet", "history.csv")
MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "states": lambda: on_call(feature_cache.Frozen, "__call__", 2, kill),  # half of them are written
    "second file": lambda: on_call(
        feature_cache, "_write", 2, kill, after=True
    ),  # all are, but have not got their name
    "step": lambda: on_call(bert_feat.Feature, "loss", 7, kill),
    "evaluation": lambda: on_call(evaluate.Evaluated, "logits", 4, kill),
    "between seeds": lambda: on_call(checkpoint, "save", 5, kill, after=True),
    "writing": lambda: on_call(prediction_writer, "table", 1, kill),
    "SIGTERM": lambda: on_call(bert_feat.Feature, "loss", 5, terminate),
}


def work(inputs: Path, out: Path) -> None:
    bert_feat.run(
        recipe=RECIPE,
        files=tiny.input_files(inputs),
        block=tiny.block(out, [3, 4], state=out / "state"),
        cache_mb=1,
    )


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ[loop.SAVE_STEPS] = "3"
    packing.BATCH_TOKENS["cpu"] = 400  # so that a split takes several batches
    words = tiny.vocabulary(folder / "words")
    tiny.tokens_file(folder / "train.arrow", words, 60, 1)
    tiny.tokens_file(folder / "test.arrow", words, 40, 2)
    tiny.encoder(folder / "encoder", words)
    report = {}
    for moment, arm in MOMENTS.items():
        out = folder / moment.replace(" ", "_")

        def first(arm=arm, out=out) -> None:
            arm()
            work(folder, out)

        def second(out=out) -> None:
            stream = io.StringIO()
            logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[logging.StreamHandler(stream)])
            work(folder, out)
            (out / "log").write_text(stream.getvalue())

        status = child(first)
        left = sorted(path.name for path in (out / "state").glob("*")) if status else []
        if status:
            assert child(second) == 0, moment
        report[moment] = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "left": left,
            "log": (out / "log").read_text().splitlines() if status else [],
            "digests": [files.sha256(out / name) for name in OUTPUTS],
            "state left": (out / "state").exists(),
        }
    (folder / "report.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
