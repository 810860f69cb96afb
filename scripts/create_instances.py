"""Rule create_instances: MLM and NSP instances of a mix."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.hyperparameters import Pretrain
from bertfit.runtime import job_log
from bertfit.tokens import create_instances

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    counts = create_instances.build(
        [Path(path) for path in snakemake.input.texts],
        Path(snakemake.input.vocabulary).parent,
        Pretrain.model_validate(spec["creation"]),
        Path(snakemake.output[0]),
    )
    print(counts)
