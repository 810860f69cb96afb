"""Trains tiny runs in child processes that are killed at chosen moments, then lets a second child finish them.

    kill_worker.py (finetune|pretrain|multitask) FOLDER    writes FOLDER/report.json: moment -> how the first child
                                                           ended, which outputs it left, whether the second went on,
                                                           and the SHA-256 of what it wrote

The children are forked, so that torch and transformers are imported once. Between the two the outputs are deleted, as
Snakemake does it. The moments called "random" are kills at steps drawn from a seed.
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import transformers.models.bert.modeling_bert  # noqa: F401  once, not in every child

from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.core import files
from bertfit.model import hf_encoder
from bertfit.stages import evaluate, finetuning, multitask, prediction_writer, pretraining
from bertfit.training import checkpoint, loop, optimizer
from helpers import tiny

RECIPE = Finetune(max_length=24, head_tokens=6, lr=2e-3, epochs=2, batch_size=8, validation=0.1)
PRETRAIN = Pretrain(steps=12, batch_size=4, lr=1e-3, max_length=32, max_predictions=5, dupe=2, log_every=5)
MULTITASK = Multitask(corpora=["a", "b"], seed=3)
SAVES = (4, 9)
FINETUNE_OUTPUTS = ("predictions.parquet", "history.csv")
PRETRAIN_OUTPUTS = tuple(
    f"{folder}/{name}" for folder in ("encoder", "at4", "at9") for name in ("model.safetensors", "history.csv")
)
MULTITASK_OUTPUTS = ("encoder/model.safetensors", "encoder/history.csv")


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


def interrupt() -> None:
    kill(signal.SIGINT)


def warn() -> None:
    kill(signal.SIGUSR1)


FINETUNE_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(finetuning.Finetuning, "loss", 7, kill),
    "evaluation": lambda: on_call(
        evaluate.Evaluated, "logits", 4, kill
    ),  # of the second epoch, test done, validation not
    "saving": lambda: on_call(files.os, "replace", 4, kill),  # a state is written, not yet renamed
    "between seeds": lambda: on_call(checkpoint, "save", 5, kill, after=True),  # the first seed is done
    "second seed": lambda: on_call(finetuning.Finetuning, "loss", 20, kill),
    "writing": lambda: on_call(prediction_writer, "table", 1, kill),  # the history is there, the predictions are not
    "SIGTERM": lambda: on_call(finetuning.Finetuning, "loss", 5, terminate),
    "SIGTERM in evaluation": lambda: on_call(evaluate.Evaluated, "logits", 2, terminate),
    "SIGINT": lambda: on_call(finetuning.Finetuning, "loss", 5, interrupt),
    "SIGUSR1": lambda: on_call(finetuning.Finetuning, "loss", 17, warn),
}


def half_written() -> None:
    """Be killed in the middle of the writing of a state file."""

    def half(tensors: object, path: Path, meta: object) -> None:
        path.write_bytes(b"half")
        kill()

    checkpoint.save_file = half


def at_random(task: type, steps: int, saved: tuple[int, ...]) -> dict[str, Callable[[], None]]:
    """Kills before and after the gradients of random steps, of runs that save their state at random intervals."""
    draw = random.Random(20190514)

    def arm(owner: type, name: str, step: int, every: int) -> Callable[[], None]:
        def armed() -> None:
            os.environ[loop.SAVE_STEPS] = str(every)
            on_call(owner, name, step, kill, after=True)

        return armed

    moments = {}
    for owner, name in ((task, "loss"), (optimizer.BertAdam, "step"), (task, "loss"), (optimizer.BertAdam, "step")):
        step, every = draw.randint(2, steps), draw.choice(saved)
        moments[f"random {name} {step} every {every}"] = arm(owner, name, step, every)
    return moments


PRETRAIN_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "step": lambda: on_call(pretraining.Pretraining, "loss", 7, kill),
    "evaluation": lambda: on_call(pretraining.Pretraining, "_held_out_loss", 3, kill, after=True),
    "evaluation of a save": lambda: on_call(pretraining.Pretraining, "_held_out_loss", 2, kill),
    "saving": lambda: on_call(checkpoint, "save", 9, kill),
    "half a state": lambda: on_call(checkpoint, "save", 5, half_written),
    "SIGTERM": lambda: on_call(pretraining.Pretraining, "loss", 11, terminate),
    "saving an encoder": lambda: on_call(hf_encoder.shutil, "copyfile", 5, kill),  # the second, two files are there
    "encoder saved": lambda: on_call(hf_encoder, "save", 2, kill, after=True),
    "first in its place": lambda: on_call(pretraining, "_place", 1, kill, after=True),
    "second half in its place": lambda: on_call(pretraining.os, "link", 8, kill),
    "all in their places": lambda: on_call(hf_encoder, "save", 3, kill, after=True),
    **at_random(pretraining.Pretraining, 12, (1, 2, 5)),
}
MULTITASK_MOMENTS: dict[str, Callable[[], None]] = {
    "undisturbed": lambda: None,
    "evaluation": lambda: on_call(evaluate.Evaluated, "logits", 4, kill),  # of the second epoch and corpus
    "half a state": lambda: on_call(checkpoint, "save", 5, half_written),
    "SIGTERM": lambda: on_call(multitask.Multitasking, "loss", 6, terminate),
    "SIGTERM in evaluation": lambda: on_call(evaluate.Evaluated, "logits", 3, terminate),
    "in its place": lambda: on_call(hf_encoder, "save", 1, kill, after=True),
    **at_random(multitask.Multitasking, 26, (1, 3, 7)),
}


def finetune(inputs: Path, out: Path) -> None:
    finetuning.run(recipe=RECIPE, files=tiny.input_files(inputs), block=tiny.block(out, [3, 4], state=out / "state"))


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
        saves={step: out / f"at{step}" for step in SAVES},
    )


def train_together(inputs: Path, out: Path) -> None:
    multitask.run(
        multitask=MULTITASK,
        recipe=RECIPE,
        corpora={name: (inputs / f"{name}.arrow", inputs / "test.arrow") for name in MULTITASK.corpora},
        parent=inputs / "start",
        vocabulary=inputs / "words" / "built",
        state=out / "state",
        out=out / "encoder",
        job={"code": "x", "spec": {}},
        threads=1,
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
    os.environ[loop.SAVE_STEPS] = "1" if stage == "pretrain" else "3"
    words = tiny.vocabulary(folder / "words")
    if stage == "finetune":
        tiny.tokens_file(folder / "train.arrow", words, 60, 1)
        tiny.tokens_file(folder / "test.arrow", words, 40, 2)
        tiny.encoder(folder / "encoder", words)
        moments, work, names = FINETUNE_MOMENTS, finetune, FINETUNE_OUTPUTS
    elif stage == "multitask":
        tiny.tokens_file(folder / "a.arrow", words, 70, 1)
        tiny.tokens_file(folder / "b.arrow", words, 37, 2)
        tiny.tokens_file(folder / "test.arrow", words, 20, 3)
        tiny.encoder(folder / "start", words)
        moments, work, names = MULTITASK_MOMENTS, train_together, MULTITASK_OUTPUTS
    else:
        tiny.encoder(folder / "unused", words)  # what transformers prepares for a first save serves all children
        tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
        tiny.instances_file(folder / "held_out.instances", words, PRETRAIN, 3, 2)
        moments, work, names = PRETRAIN_MOMENTS, pretrain, PRETRAIN_OUTPUTS
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
        left = [name for name in names if (out / name).exists()]
        if status:
            for name in left:
                shutil.rmtree((out / name).parent, ignore_errors=True) if "/" in name else (out / name).unlink()
            assert child(second) == 0, moment
        log = (out / "log").read_text() if (out / "log").exists() else ""
        report[moment] = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "log": log,
            "digests": [files.sha256(out / name) for name in names],
            "left": left,
            "state left": (out / "state").exists(),
        }
    (folder / "report.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
