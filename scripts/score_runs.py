"""Rule score_runs: predictions of many runs -> one tidy table."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, scoring

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    runs = [
        run | {"predictions": path, "history": path.replace("predictions.parquet", "history.csv")}
        for run, path in zip(spec["runs"], snakemake.input, strict=True)
    ]
    scoring.build(runs, Path(snakemake.output[0]), study=spec["study"])
