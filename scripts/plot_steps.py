"""Rule plot_steps: test error against steps of further pre-training."""

from bertfit.artefacts import pretraining_steps
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    spec = CellsSpec.model_validate(job.spec)
    pretraining_steps.build(
        artefact=spec.artefact,
        key=spec.key,
        points=spec.cells,
        results=job.input["results"],
        published=job.input["published"],
        comparable=spec.comparable,
        **{name: job.output[name] for name in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
