"""Rule tabulate_corpora: statistics of the available corpora."""

from bertfit.artefacts import corpus_statistics
from bertfit.artefacts.corpus_statistics import CorpusFiles
from bertfit.experiments.job_specs import StatisticsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    spec = StatisticsSpec.model_validate(job.spec)
    available = [name for name, corpus in spec.corpora.items() if not corpus.reason]
    files = zip(*map(job.input.group, ("cards", "train", "test")), strict=True)
    corpus_statistics.build(
        artefact=spec.artefact,
        key=spec.key,
        corpora=spec.corpora,
        files={name: CorpusFiles(*paths) for name, paths in zip(available, files, strict=True)},
        published=job.input["published"],
        comparable=spec.comparable,
        **{name: job.output[name] for name in ("csv", "md", "tex", "html")},
    )


if __name__ == "__main__":
    run_script(main, globals())
