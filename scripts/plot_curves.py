"""Rule plot_curves: train and test error against steps."""

from bertfit.artefacts import learning_curves
from bertfit.experiments.job_specs import LinesSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    spec = LinesSpec.model_validate(job.spec)
    learning_curves.build(
        artefact=spec.artefact,
        key=spec.key,
        lines=spec.lines,
        published=job.input["published"],
        comparable=spec.comparable,
        **{name: job.output[name] for name in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
