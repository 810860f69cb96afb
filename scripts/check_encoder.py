"""Rule check_encoder: what a vocabulary makes of the texts of a corpus."""

from bertfit.experiments.job_specs import CoverageSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.suitability import check


def main(job: RuleJob) -> None:
    """Write the coverage, with warnings."""
    spec = CoverageSpec.model_validate(job.spec)
    check.build(job.input["rows"], job.input["vocabulary"].parent, spec.form, spec.max_length, job.output[0])


if __name__ == "__main__":
    run_script(main, globals())
