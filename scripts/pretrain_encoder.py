"""Rule pretrain_encoder: MLM and NSP, from random weights or further from a parent."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.config.hyperparameters import Pretrain
from bertfit.config.study_schema import Shape
from bertfit.runtime import gpu_lease, job_log, resume_state
from bertfit.stages import pretraining
from bertfit.training import distributed

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

job, spec = snakemake.params.job, snakemake.params.job["spec"]
with (
    job_log.to(snakemake.log[0], snakemake.input),
    resume_state.held(Path(snakemake.output.model).parent, job) as state,
    gpu_lease.gpus(snakemake.resources.gpu, snakemake.resources.get("jobs_per_gpu", 1)),
):
    out = Path(snakemake.output.model).parent
    distributed.run(
        pretraining.run,
        pretrain=Pretrain.model_validate(spec["pretrain"]),
        shape=Shape.model_validate(spec["shape"]) if spec["shape"] else None,
        parent=Path(snakemake.input.parent[0]).parent if snakemake.input.parent else None,
        vocabulary=Path(snakemake.input.vocabulary).parent,
        instances=Path(snakemake.input.instances),
        held_out=Path(snakemake.input.held_out[0]) if snakemake.input.held_out else None,
        seed=spec["seed"],
        saves={int(steps): out.with_name(encoder) for steps, encoder in spec["saves"].items()},
        state=state,
        out=out,
        job=job,
        threads=snakemake.threads,
    )
