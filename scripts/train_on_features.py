"""Rule train_on_features: a block of seeds of BERT-Feat of one (corpus, encoder, recipe)."""

from bertfit.experiments.job_specs import FeatureBlockSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import bert_feat
from bertfit.stages.classification import InputFiles
from bertfit.stages.seed_block import SeedBlock


def main(job: RuleJob) -> None:
    """Train and evaluate the seeds of one block."""
    spec = FeatureBlockSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["predictions"].parent) as state:
        bert_feat.run(
            recipe=spec.recipe,
            files=InputFiles.of(job, spec.seeds),
            block=SeedBlock.of(job, spec.seeds, state),
            cache_mb=spec.cache_mb,
        )


if __name__ == "__main__":
    run_script(main, globals())
