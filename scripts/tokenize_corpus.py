"""Rule tokenize_corpus: word pieces of one split."""

from bertfit.config.corpus_schema import TextForm
from bertfit.runtime.rule_job import RuleJob, run_script
from bertfit.tokens import tokenize_corpus


def main(job: RuleJob) -> None:
    """Write the tokens of one split."""
    tokenize_corpus.build(
        job.input["rows"],
        job.input["vocabulary"].parent,
        TextForm.model_validate(job.spec),
        job.output[0],
    )


if __name__ == "__main__":
    run_script(main, globals())
