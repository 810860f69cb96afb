"""Rule measure_speed: operations a second of this device."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import files, lease, logs, measure_speed

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with (
    logs.to(snakemake.log[0], snakemake.input),
    lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    files.write_json(Path(snakemake.output[0]), measure_speed.measure(snakemake.params.job["spec"]))
