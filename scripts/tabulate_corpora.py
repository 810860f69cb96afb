"""Rule tabulate_corpora: statistics of the corpora in hand."""

from pathlib import Path
from typing import TYPE_CHECKING

from bertfit.artefacts import corpus_statistics
from bertfit.config.study_schema import Artefact
from bertfit.runtime import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with job_log.to(snakemake.log[0], snakemake.input):
    spec = snakemake.params.job["spec"]
    found = zip(snakemake.input.cards, snakemake.input.train, snakemake.input.test, strict=True)
    corpora = {}
    for name, corpus in spec["corpora"].items():
        card, train, test = (None, None, None) if corpus["reason"] else map(Path, next(found))
        corpora[name] = corpus | {"card": card, "train": train, "test": test}
    corpus_statistics.build(
        artefact=Artefact.model_validate(spec["artefact"]),
        key=spec["key"],
        corpora=corpora,
        published=Path(snakemake.input.published),
        comparable=spec["comparable"],
        **{form: Path(snakemake.output[form]) for form in ("csv", "md", "tex", "html")},
    )
