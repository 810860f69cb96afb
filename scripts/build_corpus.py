"""Rule build_corpus: any source -> normalised Parquet, clusters of the test split, and a card."""

from bertfit.data import corpora
from bertfit.experiments.job_specs import CorpusSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the files of one corpus."""
    spec = CorpusSpec.model_validate(job.spec)
    corpora.build(
        spec.name,
        spec.corpus,
        files=job.input.named(),
        sample=spec.sample,
        train=job.output["train"],
        test=job.output["test"],
        clusters=job.output["clusters"],
        card=job.output["card"],
    )


if __name__ == "__main__":
    run_script(main, globals())
