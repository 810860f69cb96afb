"""Rule run_baseline: TF-IDF and a linear model on a corpus."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.corpus_schema import TextForm
from bertfit.runtime import job_log
from bertfit.stages import tfidf_baseline

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    job = snakemake.params.job
    tfidf_baseline.run(
        train=Path(snakemake.input.train),
        test=Path(snakemake.input.test),
        form=TextForm.model_validate(job["spec"]["form"]),
        predictions=Path(snakemake.output.predictions),
        history=Path(snakemake.output.history),
        record=Path(snakemake.output.record),
        job=job,
        threads=snakemake.threads,
    )
