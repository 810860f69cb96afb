"""Rule write_text: an unlabelled text as pre-training text."""

from bertfit.config.corpus_schema import Text
from bertfit.pretraining_texts import unlabelled_text
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write one split of the text."""
    unlabelled_text.build(Text.model_validate(job.spec), job.wildcards["split"], job.output[0])


if __name__ == "__main__":
    run_script(main, globals())
