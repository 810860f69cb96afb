"""Rule archive_study: the records of a study in one file."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.experiments.summary_specs import ArchiveSpec
from bertfit.export import archive
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    archive.write(
        ArchiveSpec.model_validate(snakemake.params.job["spec"]),
        snakemake.input.records,
        snakemake.input.made,
        source=Path(archive.__file__).parents[3],
        out=Path(snakemake.output[0]),
    )
