"""Rule draw_lineage: the stages of training, from base encoder to classifier."""

from bertfit.artefacts import stage_diagram
from bertfit.experiments.job_specs import DiagramSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the diagram."""
    spec = DiagramSpec.model_validate(job.spec)
    stage_diagram.build(
        artefact=spec.artefact,
        paths=spec.paths,
        **{name: job.output[name] for name in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
