"""Rule build_dataset_report: the search on your own dataset and its outcome -> one self-contained page, a summary."""

from bertfit.dataset_report import dataset_page, summary
from bertfit.dataset_report.dataset_files import DatasetFiles
from bertfit.dataset_report.dataset_spec import DatasetReportSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the page and the summary."""
    spec, files = DatasetReportSpec.model_validate(job.spec), DatasetFiles.of(job.input)
    dataset_page.build(spec, files, job.output["html"])
    summary.build(spec, files, job.output["summary"])


if __name__ == "__main__":
    run_script(main, globals())
