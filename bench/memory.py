"""Memory that an open corpus takes: 14,000, 140,000 and 1.4 million texts (Yahoo's) as long as AG's News.

Each file is opened in a process of its own, in which all is imported before; then 1,000 texts all over it are read.
Resident memory counts, which includes the pages of the file that were touched. Run it with ``make bench``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

import lengths
import measure
from bertfit import tokens

SIZES = (14_000, 140_000, 1_400_000)
READ = 1000
GOAL = 50.0  # MB


def write(path: Path, documents: int) -> None:
    """A tokens file of random pieces, see ARCHITECTURE.md."""
    made = lengths.corpus("ag", documents)
    texts = pa.ListArray.from_arrays(pa.array(made.offsets), pa.array(made.values))
    columns = {"input_ids": texts, "pair_ids": pa.nulls(documents, texts.type), "label": pa.array(made.labels)}
    facts = {name: str(getattr(made, name)) for name in ("cls", "sep", "pad", "mask", "unk", "vocabulary_size")}
    table = pa.table(columns).replace_schema_metadata(facts | {"label_names": '["0", "1", "2", "3"]'})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(table.combine_chunks().to_batches()[0])


def opened(path: Path) -> float:
    """Megabytes that this process grows by when it opens a file and reads some of it."""
    process = psutil.Process()
    before = process.memory_info().rss
    corpus = tokens.read(path)
    found = sum(len(corpus.ids(int(row)).tolist()) for row in np.linspace(0, len(corpus) - 1, READ))
    assert found
    return (process.memory_info().rss - before) / 1e6


def in_a_process(path: Path) -> float:
    """`opened` in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--open", str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout)


def measured(folder: Path, pairs: int) -> list[measure.Record]:
    """A record a size, and one of the growth."""
    paths = [folder / f"{size}.arrow" for size in SIZES]
    for path, size in zip(paths, SIZES, strict=True):
        write(path, size)
    found = list(measure.turns(pairs, *(lambda _, path=path: in_a_process(path) for path in paths)))
    records = [
        measure.alone(f"an open corpus of {size:,} texts", "MB", GOAL, each, at_most=True)
        for size, each in zip(SIZES, zip(*found, strict=True), strict=True)
    ]
    grown = [each[-1] - each[0] for each in found]
    return [*records, measure.alone("more for 100 times the texts", "MB", 10.0, grown, at_most=True)]


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/memory.json"))
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--open", type=Path, help="print what opening this file takes, instead")
    options = parser.parse_args()
    if options.open:
        print(opened(options.open))
        return
    with tempfile.TemporaryDirectory() as temporary:
        records = measured(Path(temporary), options.pairs)
    measure.write(options.out, records, threads=1)


if __name__ == "__main__":
    main()
