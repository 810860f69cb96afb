"""Rule plot_steps: test error against steps of further pre-training."""

from bertfit.artefacts import pretraining_steps
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    pretraining_steps.build(
        CellsSpec.model_validate(job.spec),
        results=job.input["results"],
        published=PUBLISHED,
        files=FigureFiles.of(job.output),
    )


if __name__ == "__main__":
    run_script(main, globals())
