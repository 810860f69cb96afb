"""Rule create_instances: MLM and NSP instances of a mix."""

from bertfit.experiments.job_specs import InstanceSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.tokens import create_instances


def main(job: RuleJob) -> None:
    """Write the instances of one mix."""
    counts = create_instances.build(
        job.input.group("texts"),
        job.input["vocabulary"].parent,
        InstanceSpec.model_validate(job.spec).creation,
        job.output[0],
    )
    print(counts)


if __name__ == "__main__":
    run_script(main, globals())
