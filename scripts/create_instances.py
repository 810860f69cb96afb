"""Rule create_instances: what a mix is pre-trained on, for MLM with or without NSP."""

from bertfit.experiments.job_specs import InstanceSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.tokens import create_blocks, create_instances


def main(job: RuleJob) -> None:
    """Write the instances of one mix."""
    creation = InstanceSpec.model_validate(job.spec).creation
    build = create_blocks.build if creation.blocks else create_instances.build
    print(build(job.input.group("texts"), job.input["vocabulary"].parent, creation, job.output[0]))


if __name__ == "__main__":
    run_script(main, globals())
