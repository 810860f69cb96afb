"""One job on several GPUs: the same stage in several processes (ranks), each of which trains on a part of every batch.

Gradients are summed by torch's `DistributedDataParallel` during the backward pass; every rank holds all weights and
moments and does the same updates, so that one checkpoint serves all ranks. Only rank 0 writes. The
job's own process starts the ranks and does not train: it writes the log, passes signals on, and ends all ranks when one
fails. Without `run`, or with one process, the other functions have no effect.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing import (  # type: ignore[attr-defined]
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    _prctl_pr_set_pdeathsig,
    start_processes,
)
from torch.nn.parallel import DistributedDataParallel

from bertfit.core.errors import UserError

log = logging.getLogger(__name__)

GRACE = 5.0  # seconds that the other ranks have to end by themselves when one has failed
B = TypeVar("B")


def rank() -> int:
    """Rank of this process; rank 0 writes the files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Number of ranks."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over the ranks, the same bits on each; with one rank the tensor itself."""
    if size() > 1:
        tensor = tensor.clone()
        distributed.all_reduce(tensor)
    return tensor


def largest(*numbers: int) -> list[int]:
    """The maximum of each number over the ranks, so that all act on a signal that one has received; on the CPU."""
    if size() == 1:
        return list(numbers)
    maxima = torch.tensor(numbers, dtype=torch.int64)
    distributed.all_reduce(maxima, distributed.ReduceOp.MAX)
    return maxima.tolist()


def wait() -> None:
    """Return when all ranks have called this."""
    largest(0)


def data_parallel(model: nn.Module, loss: Callable[[B], tuple[Tensor, Tensor]]) -> Callable[[B], tuple[Tensor, Tensor]]:
    """``loss``, whose backward pass also sums the gradients of ``model`` over the ranks; with one rank ``loss`` itself.

    ``loss`` maps a rank's batch to a scalar, and a tensor without a gradient. All ranks get rank 0's weights now and,
    after each backward pass, the same bits as gradients; a parameter that no rank's loss depends on keeps None.
    """
    if size() == 1:
        return loss
    # By default DDP regroups the gradients after its first backward pass. With three or more ranks the grouping decides
    # the order of summation, so that a resumed run would differ in bits; a search for unused parameters keeps it fixed.
    parallel = DistributedDataParallel(_Loss(model, loss), find_unused_parameters=True, gradient_as_bucket_view=True)
    parallel.register_comm_hook(None, _sum_bucket)
    return parallel


class _Loss(nn.Module):
    """A loss and the parameters to train, without the buffers, which DDP would broadcast at every step."""

    def __init__(self, model: nn.Module, loss: Callable[[Any], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.trained = nn.ParameterList(parameter for parameter in model.parameters() if parameter.requires_grad)
        self.loss = loss

    def forward(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The result of ``loss`` for a rank's batch."""
        return self.loss(batch)


def _sum_bucket(state, bucket):  # no annotations: DDP compares them with classes, and here they would be strings
    """Sum, where DDP would average: the ranks' losses add up to the batch's mean, with unequal shares."""
    return distributed.all_reduce(bucket.buffer(), async_op=True).get_future().then(lambda done: done.value()[0])


def run(stage: Callable[..., None], /, *, processes: int | None = None, **arguments: Any) -> None:
    """Call ``stage(**arguments)`` in ``processes`` ranks, by default as many as there are visible GPUs, at least one.

    ``stage`` is a function of a module, ``arguments`` can be pickled. With one rank it is called in this process;
    more are child processes: SIGINT, SIGTERM and SIGUSR1 are passed on to them; they are killed if this one dies.
    When a rank fails, the others are ended, and its `UserError`, or a RuntimeError that names it, is raised here;
    when ranks stop for a signal, `SystemExit` with their status.
    """
    gpus = torch.cuda.device_count()
    count = gpus if processes is None else processes
    if count < 2:
        stage(**arguments)
        return
    if 0 < gpus < count:
        raise ValueError(f"{count} processes, but {gpus} visible GPUs; each needs its own")
    log.info("%d processes, each with a part of every batch", count)
    failures: list[_Failure] = []
    with tempfile.TemporaryDirectory() as folder:
        ranks, readers = _start(stage, arguments, count, Path(folder, "rendezvous"))
        receiver = threading.Thread(target=_receive, args=(readers, failures), daemon=True)
        receiver.start()
        try:
            with _pass_on_signals(ranks) as received:
                while not ranks.join(grace_period=GRACE):
                    pass
        except (ProcessExitedException, ProcessRaisedException) as error:
            receiver.join()
            raise _reason(error, received, failures) from None
        finally:
            for process in ranks.processes:
                process.kill()
                process.join()
            receiver.join()


@dataclass(frozen=True, order=True)
class _Failure:
    """What a rank raised."""

    seconds: float
    """of the machine's monotonic clock: the first failure is the cause of the others, which lose their connection"""
    rank: int
    error: str
    """the message of a `UserError`, else a traceback"""
    user: bool


def _start(
    stage: Callable[..., None], arguments: dict[str, Any], count: int, rendezvous: Path
) -> tuple[ProcessContext, list[Connection]]:
    """Start the ranks; returns them and where their log records and failures arrive."""
    readers, writers = zip(*(multiprocessing.Pipe(duplex=False) for _ in range(count)), strict=True)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns where no parameter is unused
    with _inheritance():
        level = logging.getLogger().level
        ranks = start_processes(
            _rank, (stage, arguments, rendezvous, writers, level), nprocs=count, join=False, start_method="spawn"
        )
    for writer in writers:
        writer.close()  # here: a pipe ends when the ranks have ended
    return ranks, list(readers)


@contextmanager
def _inheritance() -> Iterator[None]:
    """While processes are started: point descriptors 1 and 2 at `sys.stdout` and `sys.stderr`, which may be a log;
    ignore SIGUSR1 (see `_pass_on_signals`); hide the main script, which the new processes would import.
    """
    main = vars(sys.modules["__main__"])
    script = main.pop("__file__", None)
    handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    descriptors = {1: os.dup(1), 2: os.dup(2)}
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        for number, descriptor in descriptors.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
        signal.signal(signal.SIGUSR1, handler)
        if script is not None:
            main["__file__"] = script


def _rank(
    rank: int,
    stage: Callable[..., None],
    arguments: dict[str, Any],
    rendezvous: Path,
    writers: Sequence[Connection],
    level: int,
) -> None:
    """Main function of a rank's process."""
    _prctl_pr_set_pdeathsig(signal.SIGKILL)  # when the job's process is dead, even while blocked in a call
    parent = multiprocessing.parent_process()
    if parent is None or not parent.is_alive():  # it died before
        sys.exit(1)
    signal.signal(signal.SIGINT, _interrupted)
    writer = writers[rank]
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(logging.NullHandler() if rank else _sender(writer))
    logging.captureWarnings(rank == 0)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        if torch.cuda.is_available():
            torch.cuda.set_device(rank)
        distributed.init_process_group(backend, init_method=f"file://{rendezvous}", rank=rank, world_size=len(writers))
        stage(**arguments)
        distributed.destroy_process_group()
    except Exception as error:
        user = isinstance(error, UserError)
        writer.send(_Failure(time.monotonic(), rank, str(error) if user else traceback.format_exc(), user))
        raise


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Python's own KeyboardInterrupt would end a rank with status 0."""
    raise SystemExit(128 + number)


def _sender(writer: Connection) -> logging.Handler:
    """Sends log records to the job's process, whose handlers write them."""
    handler: Any = QueueHandler(writer)  # type: ignore[arg-type]
    handler.enqueue = writer.send
    return handler


def _receive(readers: list[Connection], failures: list[_Failure]) -> None:
    """Handle log records and collect failures until all ranks have ended."""
    while readers:
        ready: list[Any] = wait_for_any(readers)
        for reader in ready:
            try:
                message: logging.LogRecord | _Failure = reader.recv()
            except (EOFError, OSError):  # ended, or killed in the middle of a message
                readers.remove(reader)
                continue
            if isinstance(message, _Failure):
                failures.append(message)
            else:
                logging.getLogger(message.name).handle(message)


@contextmanager
def _pass_on_signals(ranks: ProcessContext) -> Iterator[list[int]]:
    """Pass SIGINT, SIGTERM and SIGUSR1 on to the ranks while the block runs; yields the numbers received.

    Outside the training loop a rank ignores SIGUSR1, the warning of a cluster's time limit, and ends with the others.
    """
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for process in ranks.processes:
            if process.is_alive():
                os.kill(process.pid, number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(
    ended: ProcessExitedException | ProcessRaisedException, received: list[int], failures: list[_Failure]
) -> BaseException:
    """What to raise for a rank that has ``ended`` first, given the signals and the failures of all ranks."""
    first = min(failures, default=None)
    if received:
        if first is not None:
            log.error("rank %d failed: %s", first.rank, first.error)
        return SystemExit(128 + received[0])
    if isinstance(ended, ProcessExitedException) and ended.exit_code < 0:  # nobody asked it to
        return RuntimeError(f"rank {ended.error_index} failed: ended by {ended.signal_name}")
    if first is not None:
        return UserError(first.error) if first.user else RuntimeError(f"rank {first.rank} failed:\n{first.error}")
    return SystemExit(ended.exit_code if isinstance(ended, ProcessExitedException) else 1)
