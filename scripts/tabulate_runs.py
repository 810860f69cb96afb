"""Rule tabulate_runs: rows x columns of runs, beside the published values."""

from bertfit.artefacts import error_table
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.experiments.job_specs import CellsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    error_table.build(
        CellsSpec.model_validate(job.spec),
        results=job.input["results"],
        published=PUBLISHED,
        files=TableFiles.of(job.output),
    )


if __name__ == "__main__":
    run_script(main, globals())
