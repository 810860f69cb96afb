"""Rule tokenize_corpus: word pieces of one split."""

from bertfit.experiments.job_specs import TokenSpec
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.tokens import tokenize_corpus


def main(job: RuleJob) -> None:
    """Write the tokens of one split."""
    tokenize_corpus.build(
        job.input["rows"],
        job.input["vocabulary"].parent,
        TokenSpec.model_validate(job.spec),
        job.output[0],
    )


if __name__ == "__main__":
    run_script(main, globals())
