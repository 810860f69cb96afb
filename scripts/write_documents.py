"""Rule write_documents: a corpus as pre-training text."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.corpus_schema import TextForm
from bertfit.data import documents
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    documents.build(
        Path(snakemake.input.rows),
        TextForm.model_validate(spec),
        Path(snakemake.output.text),
        card=Path(snakemake.output.card),
        overlaps=[Path(path) for path in snakemake.input.overlaps],
    )
