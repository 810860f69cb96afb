"""Rule tokenize_corpus: word pieces of one split."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import logs, tokenize_corpus
from bertfit.sources import TextForm

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logs.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    tokenize_corpus.build(
        Path(snakemake.input.rows),
        Path(snakemake.input.vocabulary).parent,
        TextForm.model_validate(spec),
        Path(snakemake.output[0]),
    )
