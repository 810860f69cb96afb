"""Rule tabulate_corpora: statistics of the corpora in hand."""

from bertfit.artefacts import corpus_statistics
from bertfit.config.study_schema import Artefact
from bertfit.runtime.rule_job import RuleJob, run_script


def main(job: RuleJob) -> None:
    """Write the table."""
    spec = job.spec
    files = zip(*map(job.input.group, ("cards", "train", "test")), strict=True)
    corpora = {}
    for name, corpus in spec["corpora"].items():
        card, train, test = (None, None, None) if corpus["reason"] else next(files)
        corpora[name] = corpus | {"card": card, "train": train, "test": test}
    corpus_statistics.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        corpora=corpora,
        published=job.input["published"],
        comparable=spec["comparable"],
        **{form: job.output[form] for form in ("csv", "md", "tex", "html")},
    )


if __name__ == "__main__":
    run_script(main, globals())
