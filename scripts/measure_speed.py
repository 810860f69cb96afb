"""Rule measure_speed: operations a second of this device."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.core import files
from bertfit.experiments.summary_specs import CalibrationSpec
from bertfit.plan import measure_speed
from bertfit.runtime import gpu_lease, job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with (
    job_log.to(snakemake.log[0], snakemake.input),
    gpu_lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    spec = CalibrationSpec.model_validate(snakemake.params.job["spec"])
    files.write_json(Path(snakemake.output[0]), measure_speed.measure(spec))
