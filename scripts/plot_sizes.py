"""Rule plot_sizes: test error against the size of the training set."""

from bertfit.artefacts import training_set_size
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    training_set_size.build(
        CellsSpec.model_validate(job.spec),
        results=job.input["results"],
        published=PUBLISHED,
        files=FigureFiles.of(job.output),
    )


if __name__ == "__main__":
    run_script(main, globals())
