"""Fine-tuning with two threads on cores that other programs use: alone, and beside one and two busy loops.

Two processes take turns, which train on the same batches: one in which OpenMP's threads wait as `bertfit` has them
wait, one with libgomp's own default (300,000 rounds of spinning). Both, and the loops, are bound to as many cores as
there are threads. With fair scheduling, N threads and B loops on N cores get N / (N + B) of a core each. Other programs
may run as well, so the share of a thread is at most what a loop got. The slowdown beyond the share is the tokens that
the threads would process in their share, at the tokens per CPU second of `bertfit` alone in the same turn, over those
that they did process; the goal is at most 2.5.

Each record has, as ``others``, how many cores processes of others used meanwhile (median). Run it with ``make bench``:
some two minutes on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import measure  # before torch: imports bertfit, which sets how threads of OpenMP wait

# isort: split
import psutil

import bertfit
import finetuning
import lengths
from bertfit.training import devices

PROFILE, SHAPE = "trec", "L4-H256"
LOOPS = (0, 1, 2)
SPINNING = {"GOMP_SPINCOUNT": "300000"}  # libgomp's default
GOAL, QUIET_GOAL = 2.5, 0.9
MOST_STEPS = 10_000


class Speed(NamedTuple):
    """Speed of one turn."""

    tokens_per_second: float
    tokens_per_cpu_second: float
    loop: float  # cores that one busy loop got, at most 1; without loops 1
    others: float  # cores that neither the training nor the loops used, and that were not idle


class Enough(Exception):
    """Ends a turn of training."""


class Clocked(finetuning.Timed):
    """The same batch again and again, until a second step is done and ``seconds`` have passed since the first."""

    def __init__(self, inputs: finetuning.Inputs, seed: int, seconds: float) -> None:
        (rows,) = finetuning.our_batches(inputs, seed, 1)
        super().__init__(inputs, finetuning.same_weights(inputs)[0], [rows] * MOST_STEPS)
        self.tokens, self.seconds = int(inputs.sizes[rows].sum()), seconds
        self.cpu: list[float] = []

    def reached(self, step: int, check: Callable[[], None]) -> None:
        """Called by the loop."""
        super().reached(step, check)
        self.cpu.append(time.process_time())
        if step > 1 and self.began[-1] - self.began[1] > self.seconds:
            raise Enough


def train(folder: Path, threads: int, length: float) -> None:
    """Train whenever a line with a seed comes in; print tokens, seconds, and seconds of CPU time as JSON."""
    devices.prepare(threads)
    data = lengths.corpus(PROFILE, finetuning.TEXTS[PROFILE])
    inputs = finetuning.Inputs(PROFILE, SHAPE, data, None, folder)
    for line in sys.stdin:
        task = Clocked(inputs, int(line), length)
        with suppress(Enough):
            finetuning.loop(inputs, task)
        tokens = task.tokens * (len(task.began) - 2)
        print(json.dumps([tokens, task.began[-1] - task.began[1], task.cpu[-1] - task.cpu[1]]), flush=True)


class Trainer:
    """A process that trains on request; ``waiting`` are its OpenMP variables (default: those of `bertfit`)."""

    def __init__(self, options: argparse.Namespace, waiting: Mapping[str, str]) -> None:
        command = [sys.executable, __file__, "--train"]
        command += ["--threads", str(options.threads), "--seconds", str(options.seconds)]
        environment = {name: value for name, value in os.environ.items() if name not in bertfit.WAITING}
        self.process = subprocess.Popen(
            command, env={**environment, **waiting}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask(0)  # until all is loaded

    def ask(self, seed: int) -> tuple[float, float, float]:
        """Train once: tokens, seconds, seconds of CPU time."""
        assert self.process.stdin and self.process.stdout
        print(seed, file=self.process.stdin, flush=True)
        tokens, seconds, cpu = json.loads(self.process.stdout.readline())
        return tokens, seconds, cpu

    def speed(self, loops: int, pair: int) -> Speed:
        """Speed while ``loops`` busy loops run."""
        with busy(loops) as running:
            began, used, own, by_loops = time.perf_counter(), _used(), _cpu([self.process]), _cpu(running)
            tokens, seconds, cpu = self.ask(pair)
            used, own, by_loops = _used() - used, _cpu([self.process]) - own, _cpu(running) - by_loops
            elapsed = time.perf_counter() - began
        loop = by_loops / elapsed / loops if loops else 1.0
        return Speed(tokens / seconds, tokens / cpu, loop, others=max(0.0, (used - own - by_loops) / elapsed))

    def end(self) -> None:
        """Wait until the process has ended."""
        self.process.communicate()


@contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run ``count`` processes of an endless loop within the context."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.3 if loops else 0)  # until they loop
        yield loops
    finally:
        for process in loops:
            process.kill()
            process.wait()


def bind(threads: int) -> int:
    """Bind this process, and those that it starts, to ``threads`` cores at most; returns how many it may use."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    cores = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cores)
    return len(cores)


def beyond(alone: Speed, beside: Speed, cores: int, threads: int, loops: int) -> float:
    """Slowdown beyond the share of the cores, as a factor; ``alone``: the speed on cores of its own."""
    due = threads * min(cores / (threads + loops), beside.loop)
    return alone.tokens_per_cpu_second * due / beside.tokens_per_second


def records(turns: Sequence[Sequence[Speed]], cores: int, threads: int) -> list[measure.Record]:
    """Records of ``turns``, which have for each of `LOOPS` our speed and that of spinning threads."""
    result = []
    for place, loops in enumerate(LOOPS):
        name = f"{threads} threads beside {loops} busy loops"
        pairs = [(turn[2 * place], turn[2 * place + 1]) for turn in turns]
        others = {"others": round(statistics.median(speed.others for pair in pairs for speed in pair), 2)}
        for side, goal, how in ((0, GOAL, "as bertfit waits"), (1, None, "spinning")) if loops else ():
            slower = [
                beyond(turn[0], pair[side], cores, threads, loops) for turn, pair in zip(turns, pairs, strict=True)
            ]
            result.append(
                measure.alone(f"{name}: beyond its share, {how}", "times", goal, slower, at_most=True) | others
            )
        for field, unit in (("tokens_per_second", "tokens/s"), ("tokens_per_cpu_second", "tokens/CPU s")):
            goal = QUIET_GOAL if unit == "tokens/s" and not loops else None
            speeds = [(getattr(ours, field), getattr(spinning, field)) for ours, spinning in pairs]
            result.append(measure.compare(f"{name}: against spinning", unit, goal, speeds) | others)
    return result


def measured(options: argparse.Namespace, cores: int) -> list[measure.Record]:
    """All records."""
    trainers = [Trainer(options, waiting) for waiting in ({}, SPINNING)]
    sides = [partial(trainer.speed, loops) for loops in LOOPS for trainer in trainers]
    turns = []
    for turn in measure.turns(options.pairs, *sides):
        turns.append(turn)
        print("  tokens/s: " + ", ".join(f"{speed.tokens_per_second:,.0f}" for speed in turn), flush=True)
    for trainer in trainers:
        trainer.end()
    return records(turns, cores, options.threads)


def _used() -> float:
    """Seconds for which the cores of this process were not idle, since the machine started."""
    times = psutil.cpu_times(percpu=True)
    cores = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else range(len(times))
    return sum(sum(times[core][:8]) - times[core].idle - getattr(times[core], "iowait", 0) for core in cores)


def _cpu(processes: Sequence[subprocess.Popen]) -> float:
    """Seconds of CPU time of these processes."""
    return sum(sum(psutil.Process(process.pid).cpu_times()[:2]) for process in processes)


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/busy.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5, help="turns")
    parser.add_argument("--seconds", type=float, default=2.0, help="of training in a turn; at least one step")
    parser.add_argument("--train", action="store_true", help="be a process that trains for the bench, instead")
    options = parser.parse_args()
    if options.train:
        with tempfile.TemporaryDirectory() as folder:
            train(Path(folder), options.threads, options.seconds)
        return
    cores = bind(options.threads)
    measure.write(options.out, measured(options, cores), options.threads)


if __name__ == "__main__":
    main()
