"""Rule plot_reliability: accuracy of classifiers against their confidence."""

from bertfit.artefacts import reliability_diagram
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.experiments.job_specs import LinesSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    reliability_diagram.build(LinesSpec.model_validate(job.spec), files=FigureFiles.of(job.output))


if __name__ == "__main__":
    run_script(main, globals())
