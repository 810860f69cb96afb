"""Rule plan_round: which candidates a round of the search trains."""

from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.search import decide
from bertfit.search.search_record import SearchSpec


def main(job: RuleJob) -> None:
    """Write the record of the round."""
    decide.plan_round(
        SearchSpec.model_validate(job.spec),
        int(job.wildcards["round"]),
        train=job.input["train"],
        card=job.input["card"],
        before=job.input.get("before"),
        out=job.output[0],
    )


if __name__ == "__main__":
    run_script(main, globals())
