"""Rule multitask_encoder: an encoder fine-tuned on several corpora together."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.hyperparameters import Finetune, Multitask
from bertfit.runtime import gpu_lease, job_log, resume_state
from bertfit.stages import multitask
from bertfit.training import distributed

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job, spec = snakemake.params.job, snakemake.params.job["spec"]
with (
    job_log.to(snakemake.log[0], snakemake.input),
    resume_state.held(Path(snakemake.output.model).parent, job) as state,
    gpu_lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    group = Multitask.model_validate(spec["multitask"])
    splits = zip(map(Path, snakemake.input.train), map(Path, snakemake.input.test), strict=True)
    distributed.run(
        multitask.run,
        multitask=group,
        recipe=Finetune.model_validate(spec["recipe"]),
        corpora=dict(zip(group.corpora, splits, strict=True)),
        parent=Path(snakemake.input.parent[0]).parent,
        vocabulary=Path(snakemake.input.vocabulary).parent,
        state=state,
        out=Path(snakemake.output.model).parent,
        job=job,
        threads=snakemake.threads,
    )
