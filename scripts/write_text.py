"""Rule write_text: an unlabelled text as pre-training text."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.corpus_schema import Text
from bertfit.data import unlabelled_text
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    unlabelled_text.build(Text.model_validate(spec), snakemake.wildcards.split, Path(snakemake.output[0]))
