"""One job on several GPUs: the same stage in several processes (ranks), each of which trains on a part of every batch.

The job's own process is rank 0 and starts the others; it alone writes, and log, signals and errors are its, as they are
with one GPU. Every rank holds all weights and moments and does the same updates, so a state file belongs to no rank.
The gradients are summed in one flat buffer after the backward pass and not by `DistributedDataParallel`: that wraps
the model, averages where a sum is wanted (masked words are not even over ranks) and overlaps with the backward pass,
which a BERT on one machine gains little from. Without `run`, or with one process, every function here does nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing import ProcessContext, start_processes
from torch.multiprocessing.spawn import ProcessException

from bertfit.core.errors import UserError

log = logging.getLogger(__name__)

GRACE = 5.0  # seconds that rank 0 has to say by itself what went wrong


def rank() -> int:
    """Of this process; 0 is the one that writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Processes of this job."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over the ranks, the same bits on each; of one rank the tensor itself."""
    if size() > 1:
        tensor = tensor.clone()
        distributed.all_reduce(tensor)
    return tensor


def largest(*numbers: int) -> list[int]:
    """Each number's maximum over the ranks: what one of them was asked, all of them do. No GPU is waited for."""
    if size() == 1:
        return list(numbers)
    found = torch.tensor(numbers, dtype=torch.int64)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return found.tolist()


def wait() -> None:
    """Go on when all ranks are here."""
    largest(0)


def sum_gradients(parameters: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
    """Replace the gradients by their sums over the ranks; returns that of the losses, a scalar without gradient."""
    loss = loss.detach()
    if size() == 1:
        return loss
    trained = [each for each in parameters if each.requires_grad]
    for each in trained:
        if each.grad is None:
            each.grad = torch.zeros_like(each)
    gradients = [each.grad for each in trained if each.grad is not None]
    sums = torch.cat([*(each.reshape(-1) for each in gradients), loss.reshape(1)])
    distributed.all_reduce(sums)
    parts = sums.split([*(each.numel() for each in gradients), 1])
    torch._foreach_copy_(gradients, [part.view_as(each) for part, each in zip(parts, gradients, strict=False)])
    return sums[-1].clone()  # a view would keep the whole buffer


def run(stage: Callable[..., None], /, *, processes: int | None = None, **arguments: Any) -> None:
    """Call ``stage(**arguments)`` in ``processes`` ranks, by default as many as there are visible GPUs, at least one.

    ``stage`` is a function of a module, ``arguments`` can be pickled. The other ranks end with this process, however it
    ends; if one of them fails, its traceback is logged and this process fails.
    """
    count = torch.cuda.device_count() if processes is None else processes
    if count < 2:
        stage(**arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder, "meeting")
        with _no_script():
            others = start_processes(_other, (stage, arguments, count, meeting), nprocs=count - 1, join=False)
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(others, ended), daemon=True)
        watcher.start()
        try:
            _meet(0, count, meeting)
            log.info("%d processes, each with a part of every batch", count)
            stage(**arguments)
            distributed.destroy_process_group()
            ended.set()
            watcher.join(GRACE)
        except RuntimeError:
            watcher.join(GRACE)  # a lost connection has its reason in another rank
            raise
        finally:
            ended.set()
            for process in others.processes:
                process.kill()
            watcher.join()


@contextmanager
def _no_script() -> Iterator[None]:
    """New processes run the main script again, as if it were a module; a Snakemake script is none."""
    main = vars(sys.modules["__main__"])
    script = main.pop("__file__", None)
    try:
        yield
    finally:
        if script is not None:
            main["__file__"] = script


def _meet(rank: int, count: int, meeting: Path) -> None:
    """Make the process group: NCCL between GPUs, gloo between hosts, which are one and the same."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(rank)
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    distributed.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=count)


def _other(index: int, stage: Callable[..., None], arguments: dict[str, Any], count: int, meeting: Path) -> None:
    """Ranks from 1 on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # comes when rank 0 is gone: end at once, whatever is waited for
    logging.getLogger().addHandler(logging.NullHandler())
    _meet(index + 1, count, meeting)
    try:
        stage(**arguments)
        distributed.destroy_process_group()
    except SystemExit:  # asked to stop, as rank 0 is
        pass
    except UserError:
        time.sleep(GRACE)  # most likely rank 0 says the same, more clearly
        raise


def _watch(others: ProcessContext, ended: threading.Event) -> None:
    """End this process when another rank has failed: it may wait for that one for ever."""
    try:
        while not others.join(grace_period=1):
            pass
    except ProcessException as error:
        if ended.is_set():
            return
        log.error("rank %d failed: %s", error.error_index + 1, error)
        if not ended.wait(GRACE):
            os._exit(1)
