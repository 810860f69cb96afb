"""Rule train_on_features: a block of seeds of BERT-Feat of one (corpus, encoder, recipe)."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.hyperparameters import Finetune
from bertfit.runtime import gpu_lease, job_log, resume_state
from bertfit.stages import bert_feat

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job, spec = snakemake.params.job, snakemake.params.job["spec"]
with (
    job_log.to(snakemake.log[0], snakemake.input),
    resume_state.held(Path(snakemake.output.predictions).parent, job) as state,
    gpu_lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    bert_feat.run(
        recipe=Finetune.model_validate(spec["recipe"]),
        seeds=spec["seeds"],
        train=Path(snakemake.input.train),
        test=Path(snakemake.input.test),
        encoder=Path(snakemake.input.model).parent,
        state=state,
        predictions=Path(snakemake.output.predictions),
        history=Path(snakemake.output.history),
        record=Path(snakemake.output.record),
        job=job,
        threads=snakemake.threads,
        cache_mb=spec["cache_mb"],
    )
