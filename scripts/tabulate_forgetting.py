"""Rule tabulate_forgetting: loss on held-out text before and after further pre-training."""

from bertfit.artefacts import forgetting
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.experiments.job_specs import ForgettingSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    forgetting.build(ForgettingSpec.model_validate(job.spec), files=TableFiles.of(job.output))


if __name__ == "__main__":
    run_script(main, globals())
