"""Rule build_corpus: any source -> normalised Parquet and a card."""

from bertfit.config.corpus_schema import Corpus
from bertfit.data import corpora
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write both splits and the card of one corpus."""
    spec = job.spec
    corpora.build(
        spec["name"],
        Corpus.model_validate(spec["corpus"]),
        files=job.input.named(),
        sample=spec["sample"],
        train=job.output["train"],
        test=job.output["test"],
        card=job.output["card"],
    )


if __name__ == "__main__":
    run_script(main, globals())
