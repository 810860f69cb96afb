"""Rule finetune: a block of seeds of one (corpus, encoder, recipe)."""

from bertfit.experiments.job_specs import BlockSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import finetuning
from bertfit.stages.classification import InputFiles
from bertfit.stages.seed_block import SeedBlock
from bertfit.training import distributed


def main(job: RuleJob) -> None:
    """Train and evaluate the seeds of one block."""
    spec = BlockSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["predictions"].parent) as state:
        distributed.run(
            finetuning.run,
            recipe=spec.recipe,
            files=InputFiles.of(job, spec.seeds),
            block=SeedBlock.of(job, spec.seeds, state),
        )


if __name__ == "__main__":
    run_script(main, globals())
