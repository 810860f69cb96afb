"""Rule plot_sizes: test error against the size of the training set."""

from bertfit.artefacts import training_set_size
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Draw the figure."""
    spec = CellsSpec.model_validate(job.spec)
    training_set_size.build(
        artefact=spec.artefact,
        key=spec.key,
        cells=spec.cells,
        results=job.input["results"],
        published=job.input["published"],
        comparable=spec.comparable,
        **{name: job.output[name] for name in ("svg", "png", "csv")},
    )


if __name__ == "__main__":
    run_script(main, globals())
