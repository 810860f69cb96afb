"""Rule plot_reliability: accuracy of classifiers against their confidence."""

from bertfit.artefacts import reliability_diagram
from bertfit.experiments.job_specs import LinesSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    spec = LinesSpec.model_validate(job.spec)
    reliability_diagram.build(
        artefact=spec.artefact,
        lines=spec.lines,
        **{name: job.output[name] for name in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
