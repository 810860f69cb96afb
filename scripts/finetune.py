"""Rule finetune: a block of seeds of one (corpus, encoder, recipe)."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit import distributed, finetuning, lease, logs, states
from bertfit.recipes import Finetune

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job, spec = snakemake.params.job, snakemake.params.job["spec"]
with (
    logs.to(snakemake.log[0], snakemake.input),
    states.held(Path(snakemake.output.predictions).parent, job) as state,
    lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    distributed.run(
        finetuning.run,
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
        model_folder=Path(snakemake.output.models) if spec["recipe"]["keep"] == "weights" else None,
    )
