"""Rule archive_study: the records of a study in one zip file."""

from bertfit.core.files import PROJECT
from bertfit.export import archive
from bertfit.export.archive_manifest import ArchiveSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the records of the study, and the jobs that rebuild everything else."""
    archive.write(
        ArchiveSpec.model_validate(job.spec),
        [str(path) for path in job.input.group("records")],
        [str(path) for path in job.input.group("rebuilt")],
        studies=job.input.group("studies"),
        source=PROJECT,
        out=job.output[0],
    )


if __name__ == "__main__":
    run_script(main, globals())
