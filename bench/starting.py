"""Overhead of a training job: until its first step, between the seeds of a block, and in Snakemake.

A fresh process does what ``scripts/finetune.py`` does, on a tiny corpus and an encoder of 4 layers of 256 with the
uncased vocabulary, and records when each seed's training begins and ends. Snakemake runs jobs whose script does nothing
one after another; the time between two of their outputs is the cost of a job. Run it with ``make bench``: a minute.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from unittest import mock

import measure
from helpers import tiny

SNAKEFILE = """\
rule all:
    input: expand("done/{number}", number=range(%d))

rule one:
    output: "done/{number}"
    script: "one.py"
"""
SCRIPT = "import pathlib, sys\npathlib.Path(snakemake.output[0] if 'snakemake' in globals() else sys.argv[1]).touch()\n"
SEEDS = [1, 2, 3]


def inputs(folder: Path) -> None:
    """Token files and an encoder of random weights."""
    import lengths
    from bertfit.config.encoder_schema import Shape
    from bertfit.hugging_face import hf_encoder
    from helpers import tiny

    words = lengths.uncased_vocabulary(folder / "uncased")
    for split, seed in (("train", 1), ("test", 2)):
        tiny.tokens_file(folder / f"{split}.arrow", words, 48, seed)
    shape = Shape(layers=4, hidden=256, heads=4, intermediate=1024)
    hf_encoder.save(hf_encoder.scratch(shape, lengths.PIECES, 1), words, folder / "encoder", {})


def job(folder: Path, threads: int) -> None:
    """Fine-tune; print as JSON when (seconds since 1970) each seed's first step begins and its last one has ended."""
    from bertfit.config.hyperparameters import Finetune
    from bertfit.stages import finetuning  # noqa: F401  (what the script imports)

    times: list[float] = []
    reached = finetuning.FinetuningTask.reached

    def noted(task: finetuning.FinetuningTask, step: int, check: Callable[[], None]) -> None:
        reached(task, step, check)
        if step in (0, task.steps):
            times.append(time.time())

    with mock.patch.object(finetuning.FinetuningTask, "reached", noted):
        finetuning.run(
            recipe=Finetune(epochs=1, max_length=64, head_tokens=16),
            files=tiny.input_files(folder),
            block=tiny.block(folder, SEEDS, threads=threads),
        )
    print(json.dumps(times))


def started(folder: Path, pairs: int, threads: int) -> list[measure.Record]:
    """Until the first step, and from a seed's last step to the next one's first."""
    firsts, between = [], []
    for _ in range(pairs):
        began = time.time()
        command = [sys.executable, __file__, "--job", str(folder), "--threads", str(threads)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        times = json.loads(done.stdout.splitlines()[-1])
        firsts.append(times[0] - began)
        between += [after - before for before, after in zip(times[1::2], times[2::2], strict=False)]
    return [
        measure.alone("from process start to the first step", "s", 4.0, firsts, at_most=True),
        measure.alone("from a seed's last step to the next one's first", "s", 0.5, between, at_most=True),
    ]


def overhead(folder: Path, jobs: int) -> measure.Record:
    """Jobs a second of a script that does nothing: by itself, and as jobs of Snakemake."""
    (folder / "Snakefile").write_text(SNAKEFILE % jobs)
    (folder / "one.py").write_text(SCRIPT)

    def run_quietly(*arguments: str) -> None:
        command = [sys.executable, *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run_quietly("-m", "snakemake", "--cores", "1")
    ends = sorted(path.stat().st_mtime for path in (folder / "done").iterdir())
    speeds = []
    for before, after in pairwise(ends):
        began = time.perf_counter()
        run_quietly("one.py", "alone")
        speeds.append((1 / (after - before), 1 / (time.perf_counter() - began)))
    return measure.compare("a job that does nothing: Snakemake, against bare Python", "jobs/s", None, speeds)


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/starting.json"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5, help="processes")
    parser.add_argument("--jobs", type=int, default=12, help="of Snakemake")
    parser.add_argument("--job", type=Path, help="be the job in this folder, instead")
    options = parser.parse_args()
    if options.job:
        job(options.job, options.threads)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        inputs(folder)
        records = [*started(folder, options.pairs, options.threads), overhead(folder, options.jobs)]
    measure.write(options.out, records, options.threads)


if __name__ == "__main__":
    main()
