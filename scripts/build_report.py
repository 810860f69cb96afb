"""Rule build_report: all results of a study -> one self-contained page."""

from bertfit.experiments.summary_specs import ReportSpec
from bertfit.report import report_page
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the page."""
    html = job.output[0]
    report_page.build(ReportSpec.model_validate(job.spec), root=html.parent, html=html, plan=job.input.get("plan"))


if __name__ == "__main__":
    run_script(main, globals())
