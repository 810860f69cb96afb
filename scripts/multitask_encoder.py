"""Rule multitask_encoder: multi-task fine-tuning of an encoder on several corpora."""

from bertfit.experiments.job_specs import MultitaskSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import multitask
from bertfit.training import distributed
from bertfit.training.train_step import StepOptions


def main(job: RuleJob) -> None:
    """Train one encoder and write its folder."""
    spec = MultitaskSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["model"].parent) as state:
        splits = zip(job.input.group("train"), job.input.group("test"), strict=True)
        distributed.run(
            multitask.run,
            multitask=spec.multitask,
            recipe=spec.recipe,
            corpora=dict(zip(spec.multitask.corpora, splits, strict=True)),
            parent=job.input["parent"].parent,
            vocabulary=job.input["vocabulary"].parent,
            state=state,
            out=job.output["model"].parent,
            job=job.identity,
            threads=job.threads,
            options=StepOptions.of(job.resources),
        )


if __name__ == "__main__":
    run_script(main, globals())
