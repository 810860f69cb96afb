"""Rule tabulate_forgetting: loss on held-out text before and after further pre-training."""

from bertfit.artefacts import forgetting
from bertfit.experiments.job_specs import ForgettingSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    spec = ForgettingSpec.model_validate(job.spec)
    forgetting.build(
        artefact=spec.artefact,
        key=spec.key,
        encoders=spec.encoders,
        **{name: job.output[name] for name in ("csv", "md", "tex", "html")},
    )


if __name__ == "__main__":
    run_script(main, globals())
