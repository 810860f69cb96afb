"""Trains tiny models in several ranks, undisturbed and disturbed; the ranks are real processes.

ranks_worker.py STAGE FOLDER PROCESSES OUT [MOMENT [noisy]]    trains into FOLDER/OUT with the inputs in FOLDER
ranks_worker.py serve LOG                                      does so for each line of standard input, a JSON list of
                                                               these arguments, with a log in LOG; writes process id
                                                               and wait status to standard output. Job and ranks are
                                                               forked, so that torch is imported once

MOMENT, in the eighth step: "kill", "SIGINT", "SIGTERM" or "SIGUSR1" and to whom: "rank 0", "rank 1", "job" (the process
that started the ranks) or "terminal" (all of them, as Ctrl-C does); "error rank 1", "user_error rank 1", "diverge
rank 1", "error_while_blocked rank 1" (rank 0 then heeds no signal); or "SIGTERM evaluation". "noisy" is with dropout.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertfit.config.hyperparameters import Finetune, Multitask, Pretrain
from bertfit.core.errors import UserError
from bertfit.stages import evaluate, finetuning, multitask, pretraining
from bertfit.training import distributed, loop
from helpers import kill_harness, kill_worker, tiny

# Of 61 examples 55 are trained on: one is left for the last batch of an epoch, fewer than there are ranks.
RECIPE = Finetune(
    max_length=24, head_tokens=6, lr=2e-3, epochs=2, batch_size=6, validation=0.1, dropout=0.0, attention_dropout=0.0
)
PRETRAIN = Pretrain(
    steps=12, batch_size=5, lr=1e-3, max_length=32, max_predictions=5, dupe=2, log_every=5,
    dropout=0.0, attention_dropout=0.0,
)  # fmt: skip
NOISY = {"dropout": 0.1, "attention_dropout": 0.1}
STAGES = {
    "finetune": (kill_worker.finetune, finetuning.FinetuningTask),
    "pretrain": (kill_worker.pretrain, pretraining.PretrainingTask),
    "multitask": (kill_worker.train_together, multitask.MultitaskTask),
}


def make(folder: Path) -> None:
    """The inputs of all stages."""
    words = tiny.vocabulary(folder / "words")
    for name, size, seed in (("train", 61, 1), ("test", 40, 2), ("a", 70, 1), ("b", 37, 2)):
        tiny.tokens_file(folder / f"{name}.arrow", words, size, seed)
    tiny.encoder(folder / "encoder", words)
    tiny.encoder(folder / "start", words)
    tiny.instances_file(folder / "train.instances", words, PRETRAIN, 10, 1)
    tiny.instances_file(folder / "held_out.instances", words, PRETRAIN, 3, 2)


def disturb(moment: str, task: type) -> None:
    """Arm ``moment`` in the rank that it names or that acts for the job, or in all."""
    what, _, where = moment.partition(" ")
    rank = distributed.rank()

    def act() -> None:
        if what == "error_while_blocked" and rank == 0:  # as in a kernel that waits for another GPU
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            time.sleep(3600)
        elif what == "user_error":
            raise UserError("the disk is full")
        elif what.startswith("error"):
            raise RuntimeError("broken on purpose")
        number = signal.SIGKILL if what == "kill" else signal.Signals[what]
        if where == "terminal":
            os.killpg(os.getpgrp(), number)
        else:
            os.kill(os.getppid() if where == "job" else os.getpid(), number)

    if not moment or (where.startswith("rank") and where != f"rank {rank}" and what != "error_while_blocked"):
        return
    if what == "diverge":
        steps, loss = iter(range(100)), task.loss

        def failing(self: Any, inputs: Any) -> tuple[Tensor, Tensor]:
            value, sums = loss(self, inputs)
            return value * (float("nan") if next(steps) == 7 else 1), sums

        task.loss = failing
    elif where == "evaluation":
        kill_harness.on_call(evaluate.EvaluationSet, "logits", 2, act)
    elif rank == 0 or where.startswith("rank"):
        kill_harness.on_call(task, "loss", 8, act)


def stage(name: str, folder: Path, out: Path, moment: str, noisy: bool) -> None:
    """What `distributed.run` calls in each rank."""
    work, task = STAGES[name]
    changes = NOISY if noisy else {}
    kill_worker.RECIPE = RECIPE.model_copy(update=changes)
    kill_worker.PRETRAIN = PRETRAIN.model_copy(update=changes)
    kill_worker.MULTITASK = Multitask(corpora=["a", "b"], seed=3, order="epochs")
    disturb(moment, task)
    work(folder, out)


def count(folder: Path) -> None:
    """Each rank prints how many there are."""
    line = f"rank {distributed.rank()} of {distributed.total(torch.ones(1)).item():.0f}\n"
    print(line, end="", flush=True)  # in one write: ranks print into the same file


class Partly(nn.Module):
    """Parameters that all ranks use, that rank 1 alone uses, that none uses, that are not trained."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("used", "of_rank_1", "unused"):
            self.register_parameter(name, nn.Parameter(torch.full((5,), float(distributed.rank()))))
        self.frozen = nn.Parameter(torch.ones(5), requires_grad=False)

    def loss(self, factor: float) -> torch.Tensor:
        names = ("used", "of_rank_1") if distributed.rank() == 1 else ("used",)
        return factor * sum((getattr(self, name) * self.frozen * torch.arange(5)).sum() for name in names)


def gradients(folder: Path) -> None:
    """Each rank prints how many there are, and writes its weights and the gradients of two backward passes."""
    count(folder)
    model = Partly()
    loss = distributed.data_parallel(model, model.loss)
    results = {"weights": {name: parameter.detach().clone() for name, parameter in model.named_parameters()}}
    for step in (0, 1):
        loss(float(10 ** distributed.rank() + step)).backward()
        results[step] = {
            name: None if parameter.grad is None else parameter.grad.clone()
            for name, parameter in model.named_parameters()
        }
        for parameter in model.parameters():
            parameter.grad = None
    torch.save(results, folder / f"gradients{distributed.rank()}")


def main(name: str, folder: Path, processes: int, out: str, moment: str = "", noisy: str = "") -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    torch.set_num_threads(1)
    os.environ[loop.SAVE_STEPS] = "3"
    distributed.run(
        stage, processes=processes, name=name, folder=folder, out=folder / out, moment=moment, noisy=bool(noisy)
    )


def serve(log: Path) -> None:
    for line in sys.stdin:
        job = functools.partial(forked, log, *json.loads(line))
        pid, status = kill_harness.fork(job)
        print(json.dumps([pid, status]), flush=True)


def forked(log: Path, name: str, folder: str, *arguments: Any) -> None:
    """`main` in a process that was forked, as the leader of a session; its ranks are forked."""
    os.setsid()
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    start_processes = distributed.start_processes
    distributed.start_processes = lambda *given, **named: start_processes(*given, **named | {"start_method": "fork"})
    os.register_at_fork(after_in_child=logging.getLogger().handlers.clear)  # ranks have a handler of their own
    main(name, Path(folder), *arguments)


if __name__ == "__main__":
    from helpers import ranks_worker  # whose functions the other ranks can import

    if sys.argv[1] == "serve":
        ranks_worker.serve(Path(sys.argv[2]))
    else:
        ranks_worker.main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
