"""Rule run_baseline: TF-IDF and a linear model on a corpus."""

from bertfit.experiments.job_specs import BaselineSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import tfidf_baseline


def main(job: RuleJob) -> None:
    """Train the baseline on one corpus and evaluate it."""
    tfidf_baseline.run(
        train=job.input["train"],
        test=job.input["test"],
        form=BaselineSpec.model_validate(job.spec).form,
        predictions=job.output["predictions"],
        history=job.output["history"],
        record=job.output["record"],
        job=job.identity,
        threads=job.threads,
    )


if __name__ == "__main__":
    run_script(main, globals())
