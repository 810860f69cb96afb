"""Rule draw_lineage: the stages of training, from base encoder to classifier."""

from bertfit.artefacts import stage_diagram
from bertfit.artefacts.figure_style import FigureFiles
from bertfit.experiments.job_specs import DiagramSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the diagram."""
    stage_diagram.build(DiagramSpec.model_validate(job.spec), files=FigureFiles.of(job.output))


if __name__ == "__main__":
    run_script(main, globals())
