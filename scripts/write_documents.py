"""Rule write_documents: a corpus as pre-training text."""

from bertfit.config.corpus_schema import TextForm
from bertfit.pretraining_texts import documents
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the text and card of one split."""
    documents.build(
        job.input["rows"],
        TextForm.model_validate(job.spec),
        job.output["text"],
        card=job.output["card"],
        overlaps=job.input.group("overlaps"),
    )


if __name__ == "__main__":
    run_script(main, globals())
