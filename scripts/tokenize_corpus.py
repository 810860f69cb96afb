"""Rule tokenize_corpus: word pieces of one split."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.corpus_schema import TextForm
from bertfit.runtime import job_log
from bertfit.tokens import tokenize_corpus

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    tokenize_corpus.build(
        Path(snakemake.input.rows),
        Path(snakemake.input.vocabulary).parent,
        TextForm.model_validate(spec),
        Path(snakemake.output[0]),
    )
