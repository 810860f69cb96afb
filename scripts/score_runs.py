"""Rule score_runs: predictions of many runs -> one tidy table."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.evaluation import score_runs
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    runs = [
        run | {"predictions": path, "history": path.replace("predictions.parquet", "history.csv")}
        for run, path in zip(spec["runs"], snakemake.input, strict=True)
    ]
    score_runs.build(runs, Path(snakemake.output[0]), study=spec["study"])
