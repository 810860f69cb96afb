"""Memory of an open corpus: 14,000, 140,000 and 1.4 million texts (Yahoo's) as long as AG's News.

Each file is opened in a new process, and 1,000 texts spread over it are read. After opening, all resident memory
counts, with that of modules loaded for it. Reading maps pages of the file, which processes share and the system can
reclaim, so after reading private memory (resident less shared) counts. Run it with ``make bench``.
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
    corpus = lengths.corpus("ag", documents)
    texts = pa.ListArray.from_arrays(pa.array(corpus.offsets), pa.array(corpus.values))
    columns = {"input_ids": texts, "pair_ids": pa.nulls(documents, texts.type), "label": pa.array(corpus.labels)}
    facts = {name: str(getattr(corpus, name)) for name in ("cls", "sep", "pad", "mask", "unk", "vocabulary_size")}
    table = pa.table(columns).replace_schema_metadata(facts | {"label_names": '["0", "1", "2", "3"]'})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(table.combine_chunks().to_batches()[0])


def opened(path: Path) -> tuple[float, float]:
    """Growth of this process in MB: resident after opening a file, private after reading some of it."""
    process = psutil.Process()
    before = process.memory_info()
    corpus = token_file.read(path)
    resident = process.memory_info().rss - before.rss
    for row in np.linspace(0, len(corpus) - 1, READ):
        corpus.ids(int(row)).tolist()
    after = process.memory_info()
    return resident / 1e6, ((after.rss - after.shared) - (before.rss - before.shared)) / 1e6


def in_a_process(path: Path) -> tuple[float, float]:
    """`opened` in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, "--open", str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    resident, own = json.loads(done.stdout)
    return resident, own


def measured(folder: Path, pairs: int) -> list[measure.Record]:
    """Two records for each size, and two of the growth between sizes."""
    paths = [folder / f"{size}.arrow" for size in SIZES]
    for path, size in zip(paths, SIZES, strict=True):
        write(path, size)
    growth = np.array([[in_a_process(path) for path in paths] for _ in range(pairs)])  # (pairs, sizes, 2)
    records = []
    for what, values in (("opened", growth[:, :, 0]), ("and 1,000 read, private", growth[:, :, 1])):
        for size, of_size in zip(SIZES, values.T, strict=True):
            name = f"a corpus of {size:,} texts {what}"
            records.append(measure.alone(name, "MB memory", MOST, of_size.tolist(), at_most=True))
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
