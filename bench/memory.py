"""Memory that an open corpus takes: 14,000, 140,000 and 1.4 million texts (Yahoo's) as long as AG's News.

Each file is opened in a process of its own, and 1,000 texts all over it are read. After the opening all resident memory
counts, also that of what is loaded for it. Reading brings pages of the file into view, which the system shares among
processes and takes back when it wants to: there memory of the process's own counts (resident less shared). Run it with
``make bench``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

import lengths
import measure
from bertfit.tokens import token_file

SIZES = (14_000, 140_000, 1_400_000)
READ = 1000
MOST, GROWTH = 50.0, 5.0  # MB


def write(path: Path, documents: int) -> None:
    """A tokens file of random pieces, see ARCHITECTURE.md."""
    made = lengths.corpus("ag", documents)
    texts = pa.ListArray.from_arrays(pa.array(made.offsets), pa.array(made.values))
    columns = {"input_ids": texts, "pair_ids": pa.nulls(documents, texts.type), "label": pa.array(made.labels)}
    facts = {name: str(getattr(made, name)) for name in ("cls", "sep", "pad", "mask", "unk", "vocabulary_size")}
    table = pa.table(columns).replace_schema_metadata(facts | {"label_names": '["0", "1", "2", "3"]'})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(table.combine_chunks().to_batches()[0])


def opened(path: Path) -> tuple[float, float]:
    """Megabytes that this process grows by when it opens a file, and of its own when it has read some of it."""
    process = psutil.Process()
    before = process.memory_info()
    corpus = token_file.read(path)
    resident = process.memory_info().rss - before.rss
    for row in np.linspace(0, len(corpus) - 1, READ):
        corpus.ids(int(row)).tolist()
    after = process.memory_info()
    return resident / 1e6, ((after.rss - after.shared) - (before.rss - before.shared)) / 1e6


def in_a_process(path: Path) -> tuple[float, float]:
    """`opened` in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--open", str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    resident, own = json.loads(done.stdout)
    return resident, own


def measured(folder: Path, pairs: int) -> list[measure.Record]:
    """Two records a size, and two of the growth."""
    paths = [folder / f"{size}.arrow" for size in SIZES]
    for path, size in zip(paths, SIZES, strict=True):
        write(path, size)
    found = np.array([[in_a_process(path) for path in paths] for _ in range(pairs)])  # (pairs, sizes, 2)
    records = []
    for what, values in (("opened", found[:, :, 0]), ("and 1,000 read, its own", found[:, :, 1])):
        for size, each in zip(SIZES, values.T, strict=True):
            name = f"a corpus of {size:,} texts {what}"
            records.append(measure.alone(name, "MB memory", MOST, each.tolist(), at_most=True))
        name = f"more for 100 times the texts, {what}"
        records.append(measure.alone(name, "MB memory", GROWTH, (values[:, -1] - values[:, 0]).tolist(), at_most=True))
    return records


def main() -> None:
    """Measure, print and write the records."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench/memory.json"))
    parser.add_argument("--pairs", type=int, default=5, help="at least 5 for a median")
    parser.add_argument("--open", type=Path, help="print what opening this file takes, instead")
    options = parser.parse_args()
    if options.open:
        print(json.dumps(opened(options.open)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        records = measured(Path(temporary), options.pairs)
    measure.write(options.out, records, threads=1)


if __name__ == "__main__":
    main()
