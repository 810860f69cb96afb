"""Rule archive_study: the records of a study in one file."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import archive, logs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    archive.write(
        snakemake.params.job["spec"],
        snakemake.input.records,
        snakemake.input.made,
        source=Path(archive.__file__).parents[2],
        out=Path(snakemake.output[0]),
    )
