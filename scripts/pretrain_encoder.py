"""Rule pretrain_encoder: MLM and NSP, from random weights or further from a parent."""

from bertfit.experiments.job_specs import PretrainSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import pretraining
from bertfit.training import distributed
from bertfit.training.train_step import StepOptions


def main(job: RuleJob) -> None:
    """Train one encoder and write its folder, and those of intermediate checkpoints."""
    spec = PretrainSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["model"].parent) as state:
        out = job.output["model"].parent
        distributed.run(
            pretraining.run,
            pretrain=spec.pretrain,
            shape=spec.shape,
            parent=parent.parent if (parent := job.input.get("parent")) else None,
            generator=generator.parent if (generator := job.input.get("generator")) else None,
            vocabulary=job.input["vocabulary"].parent,
            instances=job.input["instances"],
            held_out=job.input.get("held_out"),
            seed=spec.seed,
            saves={steps: out.with_name(encoder) for steps, encoder in spec.saves.items()},
            state=state,
            out=out,
            job=job.identity,
            threads=job.threads,
            options=StepOptions.of(job.resources),
        )


if __name__ == "__main__":
    run_script(main, globals())
