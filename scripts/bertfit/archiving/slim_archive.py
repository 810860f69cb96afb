"""A smaller copy of an archive, to be kept in a repository: its logits are rounded, and its results made from those.

Most of an archive are the last bits of logits, on which no error and no verdict depends, and what is common to the
logits of a text, on which no probability does. Imports neither torch nor snakemake.
"""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertfit.archiving.same_study import check_scripts
from bertfit.archiving.unpacked_archive import unpacked
from bertfit.core import label_sets
from bertfit.core.errors import UserError
from bertfit.export import archive, rebuild
from bertfit.export.archive_manifest import ArchiveManifest, ArchiveSpec

STEP = 1 / 16
"""Logits are rounded to its multiples."""


def slim(path: Path, out: Path) -> None:
    """Write the new zip file ``out``: the archive ``path``, a zip file or folder, with rounded logits.

    Tables, figures, verdicts and report are made again from these: all errors of runs and what follows from them are
    the same. Losses, calibration and the report's mistakes of the mean of all seeds are of the rounded probabilities.
    Raises `UserError` if the archive is damaged, a part of a study, without runs, of your own dataset (whose labels are
    chosen by thresholds of probabilities), or made by another version of bertfit.
    """
    if out.exists():
        raise UserError(f"{out} exists; give the name of a new file")
    with TemporaryDirectory(prefix="bertfit-") as temporary:
        folder = Path(temporary, "study")
        source = unpacked(path, folder)
        _check(source.manifest, path)
        check_scripts(source)
        records = [
            name
            for name in source.manifest.sha256
            if name.startswith(f"{source.manifest.root}/") and name not in source.manifest.made
        ]
        predictions = [name for name in records if name.endswith("/predictions.parquet")]
        if not predictions:
            raise UserError(f"{path} has no runs: no corpus or encoder of the study was available")
        for name in predictions:
            round_logits(folder / name)
        out = out.absolute()
        with chdir(folder):
            rebuild.run_all(source.manifest.jobs)
            fields = {name: getattr(source.manifest, name) for name in ArchiveSpec.model_fields}
            spec = ArchiveSpec(**fields | {"logit_step": STEP})
            archive.write(spec, records, source.manifest.made, source=folder, out=out)


def rounded(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits ``[N, C]`` less that of the first class, rounded to multiples of `STEP`.

    Probabilities depend on differences alone. The largest logit of each row stays the only largest one.
    """
    best = np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]
    steps = np.round((logits - logits[:, :1]) / STEP)
    others = np.where(best, -np.inf, steps).max(axis=1, keepdims=True)
    return (np.where(best, np.maximum(steps, others + 1), steps) * STEP).astype(np.float32)


def rounded_down(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits ``[N, C]`` of texts with several classes: those of a probability of 0.5 or more keep it, the others do not
    reach it.
    """
    return (np.floor(logits / STEP) * STEP).astype(np.float32)


def with_logits(table: pa.Table, logits: NDArray[np.float32]) -> pa.Table:
    """A table of predictions with other logits ``[N, C]``."""
    field = table.schema.field("logits")
    return table.set_column(table.column_names.index("logits"), field, pa.array(list(logits), field.type))


def _check(manifest: ArchiveManifest, path: Path) -> None:
    if manifest.shard:
        raise UserError(f"{path}: a part of a study; merge all parts first (scripts/merge.py)")
    if "text" in manifest.switches:
        raise UserError(f"{path} is of your own dataset, whose labels depend on probabilities; keep it as it is")


def round_logits(path: Path) -> None:
    """Round the logits of a file of predictions in place."""
    table = pq.read_table(path)
    several = label_sets.read(table.schema.metadata) is not None
    logits = (rounded_down if several else rounded)(np.stack(table["logits"].to_numpy()))
    pq.write_table(with_logits(table, logits), path)
