"""Rule tabulate_runs: rows x columns of runs, beside the published values."""

from bertfit.artefacts import error_table
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    spec = CellsSpec.model_validate(job.spec)
    error_table.build(
        artefact=spec.artefact,
        key=spec.key,
        cells=spec.cells,
        results=job.input["results"],
        published=job.input["published"],
        comparable=spec.comparable,
        **{name: job.output[name] for name in ("csv", "md", "tex", "html")},
    )


if __name__ == "__main__":
    run_script(main, globals())
