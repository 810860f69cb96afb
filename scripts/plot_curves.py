"""Rule plot_curves: train and test error against steps."""

from bertfit.artefacts import learning_curves
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.experiments.job_specs import LinesSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    learning_curves.build(
        LinesSpec.model_validate(job.spec),
        published=PUBLISHED,
        files=FigureFiles.of(job.output),
    )


if __name__ == "__main__":
    run_script(main, globals())
