"""Trains tiny runs in child processes that are killed at chosen moments, then lets a second child finish them.

    kill_worker.py (finetune|pretrain) FOLDER    writes FOLDER/report.json: moment -> how the first child ended, whether
                                                 the second went on, and the SHA-256 of what it wrote

The children are forked, so that torch and transformers are imported once.
"""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import transformers.models.bert.modeling_bert  # noqa: F401  once, not in every child

import tiny
from bertfit import files, finetuning, pretraining, training
from bertfit.spec import Finetune, Pretrain

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=2, batch_size=8, validation=0.1)
PRETRAIN = Pretrain(steps=12, batch_size=4, lr=1e-3, max_length=32, max_predictions=5, dupe=2, log_every=5)
FINETUNE_OUTPUTS = ("predictions.parquet", "history.csv")
PRETRAIN_OUTPUTS = ("model.safetensors", "history.csv")


def kill(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)


def on_call(owner: object, name: str, call: int, action: Callable[[], None], after: bool = False) -> None:
    """Do ``action`` at (or right after) the call number ``call``, from 1, of ``owner.name``."""
    original = getattr(owner, name)
    count = [0]

    def replaced(*arguments, **named):
        count[0] += 1
        if count[0] == call and not after:
            action()
        result = original(*arguments, **named)
        if count[0] == call and after:
            action()
        return result

    setattr(owner, name, replaced)


def terminate() -> None:
    kill(signal.SIGTERM)


FINETUNE_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(finetuning.Finetuning, "loss", 7, kill),
    "evaluation": lambda: on_call(
        finetuning.Evaluated, "logits", 4, kill
    ),  # of the second epoch, test done, validation not
    "saving": lambda: on_call(files.os, "replace", 4, kill),  # a state is written, not yet renamed
    "between seeds": lambda: on_call(training, "save", 5, kill, after=True),  # the first seed is done
    "second seed": lambda: on_call(finetuning.Finetuning, "loss", 20, kill),
    "writing": lambda: on_call(finetuning, "_predictions", 1, kill),  # the history is there, the predictions are not
    "SIGTERM": lambda: on_call(finetuning.Finetuning, "loss", 5, terminate),
    "SIGTERM in evaluation": lambda: on_call(finetuning.Evaluated, "logits", 2, terminate),
}
PRETRAIN_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(pretraining.Pretraining, "loss", 7, kill),
    "evaluation": lambda: on_call(pretraining.Pretraining, "_held_out_loss", 2, kill, after=True),
    "saving": lambda: on_call(training, "save", 9, kill),
    "SIGTERM": lambda: on_call(pretraining.Pretraining, "loss", 11, terminate),
}


def finetune(inputs: Path, out: Path) -> None:
    finetuning.run(
        recipe=RECIPE,
        seeds=[3, 4],
        train=inputs / "train.arrow",
        test=inputs / "test.arrow",
        encoder=inputs / "encoder",
        state=out / "state",
        predictions=out / "predictions.parquet",
        history=out / "history.csv",
        record=out / "run.json",
        job={"code": "x", "spec": {}},
        threads=1,
    )


def pretrain(inputs: Path, out: Path) -> None:
    pretraining.run(
        pretrain=PRETRAIN,
        shape=tiny.SHAPE,
        parent=None,
        vocabulary=inputs / "words" / "built",
        instances=inputs / "train.instances",
        seed=3,
        state=out / "state",
        out=out / "encoder",
        job={"code": "x", "spec": {}},
        threads=1,
        held_out=inputs / "held_out.instances",
    )


def child(work: Callable[[], None]) -> int:
    """Fork, work, and return the wait status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        work()
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main(stage: str, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ[training.SAVE_STEPS] = "1" if stage == "pretrain" else "3"
    words = tiny.vocabulary(folder / "words")
    if stage == "finetune":
        tiny.tokens_file(folder / "train.arrow", words, 60, 1)
        tiny.tokens_file(folder / "test.arrow", words, 40, 2)
        tiny.encoder(folder / "encoder", words)
        moments, work, names, place = FINETUNE_MOMENTS, finetune, FINETUNE_OUTPUTS, "."
    else:
        tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
        tiny.instances_file(folder / "held_out.instances", words, PRETRAIN, 3, 2)
        moments, work, names, place = PRETRAIN_MOMENTS, pretrain, PRETRAIN_OUTPUTS, "encoder"
    report = {}
    for moment, arm in moments.items():
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
        if status:
            assert child(second) == 0, moment
        log = (out / "log").read_text() if (out / "log").exists() else ""
        report[moment] = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "log": log,
            "digests": [files.sha256(out / place / name) for name in names],
            "state left": (out / "state").exists(),
        }
    (folder / "report.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
