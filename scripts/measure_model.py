"""Rule measure_model: the winner of the search, measured once on the test split."""

from bertfit.analysis import outcome
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the record of the outcome."""
    outcome.build(
        choice=job.input["choice"],
        predictions=job.input.group("predictions"),
        validated=job.input["validated"].parent,
        clusters=job.input["clusters"],
        card=job.input["card"],
        out=job.output[0],
    )


if __name__ == "__main__":
    run_script(main, globals())
