"""Rule build_corpus: any source -> normalised Parquet and a card."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.corpus_schema import Corpus
from bertfit.data import corpora
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    corpus = Corpus.model_validate(spec["corpus"])
    local = corpus.source.local
    corpora.build(
        spec["name"],
        corpus,
        data=Path(snakemake.input[0].removesuffix(local.train)) if local else None,
        sample=spec["sample"],
        train=Path(snakemake.output.train),
        test=Path(snakemake.output.test),
        card=Path(snakemake.output.card),
    )
