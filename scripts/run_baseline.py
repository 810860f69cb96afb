"""Rules run_baseline and count_and_save: TF-IDF and a linear model on a corpus."""

from bertfit.experiments.job_specs import BaselineSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import tfidf_baseline


def main(job: RuleJob) -> None:
    """Train the baseline on one corpus and evaluate it."""
    spec = BaselineSpec.model_validate(job.spec)
    tfidf_baseline.run(
        train=job.input["train"],
        test=job.input["test"],
        form=spec.form,
        predictions=job.output["predictions"],
        history=job.output["history"],
        record=job.output["record"],
        job=job.identity,
        threads=job.threads,
        analyzer=spec.analyzer,
        fraction=spec.fraction,
        class_weights=spec.class_weights,
        models=job.output.get("models"),
    )


if __name__ == "__main__":
    run_script(main, globals())
