"""Rule tabulate_corpora: statistics of the available corpora."""

from bertfit.artefacts import corpus_statistics
from bertfit.artefacts.corpus_statistics import CorpusFiles
from bertfit.artefacts.table_rendering import TableFiles
from bertfit.evaluation.results_file import PUBLISHED
from bertfit.experiments.job_specs import StatisticsSpec
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    spec = StatisticsSpec.model_validate(job.spec)
    available = [name for name, corpus in spec.corpora.items() if not corpus.reason]
    paths = zip(*map(job.input.group, ("cards", "train", "test")), strict=True)
    corpora = {name: CorpusFiles(*files) for name, files in zip(available, paths, strict=True)}
    corpus_statistics.build(spec, corpora=corpora, published=PUBLISHED, files=TableFiles.of(job.output))


if __name__ == "__main__":
    run_script(main, globals())
