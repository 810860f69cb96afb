"""Rule finetune: a block of seeds of one (corpus, encoder, recipe)."""

from bertfit.experiments.job_specs import RunSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import finetuning
from bertfit.training import distributed


def main(job: RuleJob) -> None:
    """Train and evaluate the seeds of one block."""
    spec = RunSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["predictions"].parent) as state:
        distributed.run(
            finetuning.run,
            recipe=spec.recipe,
            seeds=spec.seeds,
            train=job.input["train"],
            test=job.input["test"],
            encoder=job.input["model"].parent,
            state=state,
            predictions=job.output["predictions"],
            history=job.output["history"],
            record=job.output["record"],
            job=job.identity,
            threads=job.threads,
            model_folder=job.output["models"] if spec.recipe.save_model else None,
        )


if __name__ == "__main__":
    run_script(main, globals())
