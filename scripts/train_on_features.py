"""Rule train_on_features: a block of seeds of BERT-Feat of one (corpus, encoder, recipe)."""

from bertfit.experiments.job_specs import FeatureRunSpec
from bertfit.runtime import exclusive
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import bert_feat


def main(job: RuleJob) -> None:
    """Train and evaluate the seeds of one block."""
    spec = FeatureRunSpec.model_validate(job.spec)
    with exclusive.training(job, job.output["predictions"].parent) as state:
        bert_feat.run(
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
            cache_mb=spec.cache_mb,
        )


if __name__ == "__main__":
    run_script(main, globals())
