"""Rule judge_claims: predictions of the runs behind the paper's claims -> verdicts."""

from bertfit.claims import verdicts
from bertfit.claims.claim_schema import ClaimSpec
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the verdicts as JSON and as a page."""
    spec = ClaimSpec.model_validate(job.spec)
    verdicts.judge(
        spec.questions,
        zip(spec.runs, job.input.group("predictions"), strict=True),
        study=spec.study,
        clusters=job.input.group("clusters"),
        expected=spec.expected,
        published=PUBLISHED,
        json=job.output["json"],
        markdown_page=job.output["md"],
    )


if __name__ == "__main__":
    run_script(main, globals())
