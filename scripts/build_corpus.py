"""Rule build_corpus: any source -> normalised Parquet and a card."""

from bertfit.data import corpora
from bertfit.experiments.job_specs import CorpusSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write both splits and the card of one corpus."""
    spec = CorpusSpec.model_validate(job.spec)
    corpora.build(
        spec.name,
        spec.corpus,
        files=job.input.named(),
        sample=spec.sample,
        train=job.output["train"],
        test=job.output["test"],
        card=job.output["card"],
    )


if __name__ == "__main__":
    run_script(main, globals())
